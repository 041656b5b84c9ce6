package plan

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/results"
)

// Limit is a figure that must not be reached: "firstPacket.p99=500us".
type Limit struct {
	Measurement string // as in results: FirstPacket
	Aspect      string // of the unit: "p99" or "rules"; "" is the measurement's first unit
	Value       string // as it was typed
}

// ParseLimit reads MEASUREMENT[.ASPECT]=VALUE.
func ParseLimit(text string) (Limit, error) {
	name, value, ok := strings.Cut(text, "=")
	measurement, aspect, _ := strings.Cut(name, ".")
	if !ok || measurement == "" || value == "" || strings.HasSuffix(name, ".") {
		return Limit{}, fmt.Errorf("limit %q: want MEASUREMENT[.ASPECT]=VALUE, such as sync=1s or firstPacket.p99=500us", text)
	}
	rs := []rune(measurement)
	rs[0] = unicode.ToUpper(rs[0])
	return Limit{string(rs), aspect, value}, nil
}

func (l Limit) String() string {
	s := l.Measurement
	if l.Aspect != "" {
		s += "." + l.Aspect
	}
	return strings.ToLower(s[:1]) + s[1:] + "=" + l.Value
}

// errAbsent is a limit of what a run has no figures of.
var errAbsent = errors.New("the run has no such figures")

// table finds the figures that the limit is of.
func (l Limit) table(r *report.Report) (*report.Table, error) {
	var units []string
	for i := range r.Tables {
		t := &r.Tables[i]
		if !strings.EqualFold(t.Measurement, l.Measurement) { // cpu is CPU
			continue
		}
		units = append(units, t.Unit.Name)
		if l.Aspect == "" && t.Primary || l.Aspect == t.Unit.Name || l.Aspect != "" && strings.HasPrefix(t.Unit.Name, l.Aspect+"-") {
			return t, nil
		}
	}
	if units == nil {
		return nil, fmt.Errorf("limit %s: %w; it measured %s", l, errAbsent, strings.Join(measured(r), ", "))
	}
	return nil, fmt.Errorf("limit %s: no unit is called %q; %s has %s", l, l.Aspect, l.Measurement, strings.Join(units, ", "))
}

func measured(r *report.Report) (names []string) {
	for _, t := range r.Tables {
		if t.Primary {
			names = append(names, strings.ToLower(t.Measurement[:1])+t.Measurement[1:])
		}
	}
	return names
}

// value is the limit in a unit of the run.
func (l Limit) value(u results.Unit) (float64, error) {
	base, _, _ := strings.Cut(u.Name, "/")
	base = base[strings.LastIndexByte(base, '-')+1:]
	v, err := 0.0, error(nil)
	d, notTime := time.ParseDuration(l.Value)
	switch base {
	case "ns":
		if v, err = float64(d), notTime; err != nil {
			return 0, fmt.Errorf("limit %s: this run has a time there (%s): want one such as 1s, 500us or 2.5ms", l, u.Name)
		}
	case "insns":
		if notTime == nil && d != 0 {
			return 0, fmt.Errorf("limit %s: this run is in the virtual clock, which counts instructions (%s) and no time: want a number of them such as 300k or 5G", l, u.Name)
		}
		v, err = number(l.Value, "")
	case "B":
		v, err = number(l.Value, "B")
	default:
		v, err = number(l.Value, "")
	}
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("limit %s: %q is no number of %s above 0: want one such as 300k, 5G or, of bytes, 64MiB", l, l.Value, u.Name)
	}
	return v, nil
}

// number reads 300k, 5G, or with the symbol B 64MiB.
func number(text, symbol string) (float64, error) {
	text = strings.TrimSuffix(text, symbol)
	factor := 1.0
	for i, p := range []string{"k", "M", "G", "T"} {
		if symbol == "B" {
			if s, ok := strings.CutSuffix(text, strings.ToUpper(p)+"i"); ok {
				text, factor = s, math.Pow(1024, float64(i+1))
			}
		}
		if s, ok := strings.CutSuffix(text, p); ok {
			text, factor = s, math.Pow(1000, float64(i+1))
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	return v * factor, err
}

// Defaults are the limits that are asked for where none is given: a sync of one second,
// at which guides say to leave a dataplane, and the 30 s within which Kubernetes' own
// tests want a change to reach the packets. The virtual clock has one instruction a
// nanosecond, and so its second is 10⁹ of them.
func Defaults(virtual bool) []Limit {
	sync := "1s"
	if virtual {
		sync = "1G"
	}
	return []Limit{{"Sync", "", sync}, {"TimeToEffective", "", "30s"}}
}
