package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/results"
)

// advise says of each answer which backends to leave, before how many Services and why,
// and which of the others stays below the limit.
func (p *Plan) advise(o Options) {
	for i := range p.Answers {
		a := &p.Answers[i]
		var told []string
		var stays, unknown []*Row
		for j := range a.Rows {
			r := &a.Rows[j]
			if r.Backend == o.Control {
				continue
			}
			switch r.State {
			case Already:
				told = append(told, fmt.Sprintf("Do not take %s: %s is at %s with %s already.", r.Backend, a.what(), a.Limit.Value, p.size(r.Services, 0)))
			case Within, Beyond:
				told = append(told, fmt.Sprintf("Leave %s before %s: %s reaches %s at %s%s.", r.Backend, p.size(r.before(), -1), a.what(), a.Limit.Value, p.reached(r), r.far()))
			case NotWithin:
				stays = append(stays, r)
			case Unknown:
				unknown = append(unknown, r)
			}
		}
		if len(stays) == 0 && len(unknown) == 0 {
			told = append(told, "No backend of this run stays below the limit.")
		}
		for _, r := range a.cheapest(stays) {
			if math.IsNaN(r.Lo) {
				told = append(told, fmt.Sprintf("%s stays at %s up to %s.", r.Backend, a.show(r.ValueAt), p.size(r.Reach, 0)))
			} else {
				told = append(told, fmt.Sprintf("%s may reach it from %s on.", r.Backend, p.size(r.Lo, -1)))
			}
		}
		for _, r := range unknown {
			told = append(told, fmt.Sprintf("%s is at %s with %s, and nothing tells of more.", r.Backend, a.show(r.Value), p.size(r.Largest, 0)))
		}
		p.Advice = append(p.Advice, strings.Join(told, " "))
	}
}

// cheapest sorts rows by what they cost at the end of their reach, the best first.
func (a *Answer) cheapest(rows []*Row) []*Row {
	slices.SortStableFunc(rows, func(x, y *Row) int {
		if a.Unit.Better == results.Higher {
			x, y = y, x
		}
		return cmp.Compare(x.ValueAt, y.ValueAt)
	})
	return rows
}

// before is the size to leave a backend at: that from which on the limit may be reached.
func (r *Row) before() float64 {
	if math.IsNaN(r.Lo) || r.Lo > r.Services {
		return r.Services
	}
	return r.Lo
}

// services is "8,400 [8,100, 8,700]".
func (r *Row) services() string { return r.where(count, "") }

// where prints at how many the limit is reached, each figure as show does and with a
// suffix.
func (r *Row) where(show func(v float64, way int) string, suffix string) string {
	switch {
	case math.IsNaN(r.Services):
		return "–"
	case r.State == Already:
		return "≤ " + show(r.Services, 0) + suffix
	case math.IsNaN(r.Lo):
		return show(r.Services, 0) + suffix + " [no interval]"
	case math.IsInf(r.Hi, 1):
		return fmt.Sprintf("%s%s [%s, ∞)", show(r.Services, 0), suffix, show(r.Lo, -1))
	}
	return fmt.Sprintf("%s%s [%s, %s]", show(r.Services, 0), suffix, show(r.Lo, -1), show(r.Hi, 1))
}

// far says by how much an answer lies beyond what was measured, when that is a lot.
func (r *Row) far() string {
	if r.Services > Reach*r.Largest {
		return fmt.Sprintf(", %.3g times the largest size that was measured", r.Services/r.Largest)
	}
	return ""
}

// what is the limit's figure in words: "firstPacket.p99 (position=last protocol=tcp)".
func (a *Answer) what() string {
	name, _, _ := strings.Cut(a.Limit.String(), "=")
	if len(a.At) > 0 {
		name += " (" + labelsText(a.At) + ")"
	}
	return name
}

func (a *Answer) show(v float64) string { return report.Format(a.Unit, v) }

func labelsText(labels []results.Label) string {
	var ss []string
	for _, l := range labels {
		ss = append(ss, l.Key+"="+l.Value)
	}
	return strings.Join(ss, " ")
}

// count prints a number of Services with the three digits that a fit is good for, rounded
// down, up or to the nearest.
func count(v float64, way int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	s := strconv.FormatFloat(digits(v, way, 0), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// digits leaves a number three digits, none of them smaller than ten to a power.
func digits(v float64, way int, least float64) float64 {
	power := max(least, math.Floor(math.Log10(v))-2)
	n := v / math.Pow(10, power)
	switch {
	case way < 0:
		n = math.Floor(n)
	case way > 0:
		n = math.Ceil(n)
	default:
		n = math.Round(n)
	}
	if power < 0 {
		return n / math.Pow(10, -power) // exact to the last digit, as a product is not
	}
	return n * math.Pow(10, power)
}
