package report

import (
	"slices"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// quantity is how a unit's values are shown to people. Names of units are
// [aspect-…]base[/op]: user-ns/op, tools-peak-B, insns/op. An unknown base is a
// count of things: rules, virtual-servers.
type quantity struct {
	aspect string  // "user", "tools peak"; "" when the unit has none
	noun   string  // "instructions", "seconds", "bytes", "rules"
	symbol string  // after a figure's prefix: "s", "B"; "" where the noun says it
	per    string  // "operation", or what follows the slash; "" when there is none
	factor float64 // of one unit in noun's
	scale  scale
}

func quantityOf(u results.Unit) quantity {
	name, per, _ := strings.Cut(u.Name, "/")
	if per == "op" {
		per = "operation"
	}
	q := quantity{per: per, factor: 1, scale: si}
	base := name[strings.LastIndexByte(name, '-')+1:]
	switch base {
	case "insns":
		q.noun = "instructions"
	case "ns":
		q.noun, q.symbol, q.factor, q.scale = "seconds", "s", 1e-9, seconds
	case "s", "sec":
		q.noun, q.symbol, q.scale = "seconds", "s", seconds
	case "B":
		q.noun, q.symbol, q.scale = "bytes", "B", iec
	default:
		q.noun = strings.ReplaceAll(name, "-", " ")
		return q
	}
	q.aspect = strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(name, base), "-"), "-", " ")
	return q
}

// work tells whether it is time, or what stands for it in the virtual clock.
func (q quantity) work() bool { return q.noun == "instructions" || q.noun == "seconds" }

// mode tells whether it is the time that a processor spent in one of its modes.
func (q quantity) mode() bool {
	return q.work() && slices.Contains([]string{"user", "system", "softirq"}, q.aspect)
}

// sameKind tells whether two quantities can be added or drawn on one axis.
func (q quantity) sameKind(o quantity) bool { return q.noun == o.noun && q.per == o.per }

// value prints a figure: "222.5k", "45.20µs", "12.30MiB".
func (q quantity) value(v float64) string { return q.scale.format(v*q.factor, 4) + q.symbol }

// slope prints a figure with the three digits that a fit is good for.
func (q quantity) slope(v float64) string { return q.scale.format(v*q.factor, 3) + q.symbol }

// perSize is what a slope counts: "instructions per Service".
func (q quantity) perSize() string {
	if q.symbol != "" {
		return "per Service" // the figure says what
	}
	return q.noun + " per Service"
}

// axis is an axis' title: "user time per operation".
func (q quantity) axis() string {
	s := q.noun
	if s == "seconds" {
		s = "time" // the figures say s, ms or µs
	}
	if q.aspect != "" {
		s = q.aspect + " " + s
	}
	if q.per != "" {
		s += " per " + q.per
	}
	return s
}

// words turns a CamelCase measurement into words: "First packet".
func words(measurement string) string {
	var b strings.Builder
	rs := []rune(measurement)
	for i, r := range rs {
		upper := 'A' <= r && r <= 'Z'
		if i > 0 && upper {
			before := rs[i-1] < 'A' || rs[i-1] > 'Z'
			after := i+1 < len(rs) && rs[i+1] >= 'a' && rs[i+1] <= 'z'
			if before || after {
				b.WriteByte(' ')
			}
			if before && (after || i+1 == len(rs)) || after {
				r += 'a' - 'A'
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// lower begins words in lower case, but for abbreviations such as CPU.
func lower(s string) string {
	if len(s) > 1 && 'A' <= s[1] && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// Format prints a value of a unit for people: "222.5k", "45.20µs", "12.30MiB".
func Format(u results.Unit, v float64) string { return quantityOf(u).value(v) }
