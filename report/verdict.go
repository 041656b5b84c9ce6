package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// Verdict is one sentence: for each measurement whose cost users wait for, at
// the headline's point where it grows most, which backend is in which class
// and at what slope, or of two sizes their ratio; and how many cells have no result. Sizes, and where the
// time of another measurement went, are left to the tables.
func (r *Report) Verdict() string {
	var tables []*Table
	for _, ts := range r.measurements() {
		t := ts[0]
		if q := quantityOf(t.Unit); rates(ts) && q.work() && q.per == "operation" && len(t.Fits) > 0 && !t.zero() {
			tables = append(tables, t)
		}
	}
	s := "no cost per operation was measured at several numbers of Services, so there is no verdict on growth"
	if ratios, ok := twoSizes(tables); ok {
		s = ratios
	} else if reason, ok := unclear(tables); ok {
		s = "growth is unclear: " + reason
	} else if len(tables) > 0 {
		var clauses []string
		said := map[string]bool{}
		for _, t := range tables {
			clauses = append(clauses, t.verdict(said))
		}
		s = strings.Join(clauses, "; ")
	}
	if without := r.without(); without != "" {
		s += "; " + without
	}
	if r.disturbed() {
		s += "; the machine was disturbed, see the warnings"
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// unclear is the reason for which no class is known, when it is the same one
// everywhere.
func unclear(tables []*Table) (reason string, ok bool) {
	for _, t := range tables {
		for _, f := range t.steepest() {
			if f.Growth.Class != stats.Unknown || ok && f.Growth.Reason != reason {
				return "", false
			}
			reason, ok = f.Growth.Reason, true
		}
	}
	return reason, ok
}

// without says how many cells have no result: "2 of 16 cells failed, 1 is n/a".
func (r *Report) without() string {
	failed, na, all := 0, 0, 0
	for _, run := range r.Runs {
		all += len(run.Meta.Cells)
		for _, c := range run.Meta.Cells {
			switch c.Status {
			case results.Failed:
				failed++
			case results.NotRun:
				na++
			}
		}
	}
	var parts []string
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d cells failed", failed, all))
	}
	if na > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d cells n/a", na, all))
	}
	return strings.Join(parts, ", ")
}

// classOrder is the order in which classes are named, worst first; what is
// unclear follows.
var classOrder = []stats.Class{stats.Superlinear, stats.Linear, stats.Sublinear, stats.Constant}

// verdict is the table's clause: "first packet (tcp, last): O(n) with
// iptables-legacy (26.0 instructions per Service), O(1) with ipvs". What is in
// said already, namely why a class is unclear, is not said again.
func (t *Table) verdict(said map[string]bool) string {
	fits := t.steepest()
	q := quantityOf(t.Unit)
	var parts []string
	unitSaid := false
	for _, class := range classOrder {
		var with []string
		for _, f := range fits {
			if f.Growth.Class != class {
				continue
			}
			about := ""
			switch class {
			case stats.Superlinear, stats.Sublinear:
				about = power(f.Growth)
			case stats.Linear:
				about = q.slope(f.Growth.Line.Slope)
				if !unitSaid {
					about += " " + q.perSize()
					unitSaid = true
				}
			case stats.Unknown:
				continue // by reason, below
			}
			if about != "" {
				about = " (" + about + ")"
			}
			with = append(with, f.Backend+about)
		}
		switch {
		case len(with) == 0:
		case len(with) == len(fits) && len(fits) > 1 && class == stats.Constant:
			parts = append(parts, "O(1) with all")
		default:
			parts = append(parts, string(class)+" with "+list(with))
		}
	}
	parts = append(parts, unclearParts(fits, said)...)
	return t.named(fits) + ": " + strings.Join(parts, ", ")
}

// named is the measurement with the labels that its fits have: "first packet (tcp, last)".
func (t *Table) named(fits []Fit) string {
	name := words(t.Measurement)
	if group := fits[0].Group; len(group) > 0 {
		name += " (" + valueText(group) + ")"
	}
	return lower(name)
}

// unclearParts is the backends of no class, by reason: "unclear with ebpf and
// ipvs (need >= 3 sizes, have 2)".
func unclearParts(fits []Fit, said map[string]bool) []string {
	var reasons []string
	with := map[string][]string{}
	for _, f := range fits {
		if f.Growth.Class == stats.Unknown {
			reason, _, _ := strings.Cut(f.Growth.Reason, ":") // the rest stands in a footnote
			reasons = union(reasons, []string{reason})
			with[reason] = append(with[reason], f.Backend)
		}
	}
	var parts []string
	for _, reason := range reasons {
		part := string(stats.Unknown) + " with " + list(with[reason])
		if !said[reason] {
			part += " (" + reason + ")"
			said[reason] = true
		}
		parts = append(parts, part)
	}
	return parts
}

// power is the curve of a class that has one: "n^1.25"; "" when no finite one
// describes the points.
func power(g stats.Growth) string {
	if p := g.Exponent; p > 0 && p < maxPower {
		return "n^" + plain(p, 2)
	}
	return ""
}

// maxPower bounds exponents that mean something: a rise only at the largest
// size has any, however large.
const maxPower = 10

// valueText is labels' values for those who know the keys: "tcp, last". Bare
// numbers keep their keys.
func valueText(labels []results.Label) string {
	var ss []string
	for _, l := range labels {
		if slices.Contains(headlineKeys(), l.Key) {
			ss = append(ss, l.Value)
		} else {
			ss = append(ss, labelText([]results.Label{l}))
		}
	}
	return strings.Join(ss, ", ")
}

// steepest is the fits of the headline's group in which some backend's cost
// grows most: there the backends differ most.
func (t *Table) steepest() []Fit {
	var within []Fit
	for _, f := range t.Fits {
		if includes(f.Group, t.headline(headlineKeys()...)) {
			within = append(within, f)
		}
	}
	if len(within) == 0 { // the headline has no number of Services
		within = t.Fits
	}
	best, most := within[0].Group, 0.0
	for _, f := range within {
		if slope := f.Growth.Line.Slope; f.Growth.Class != stats.Constant && slope > most {
			best, most = f.Group, slope
		}
	}
	return slices.DeleteFunc(slices.Clone(within), func(f Fit) bool { return !slices.Equal(f.Group, best) })
}

func list(ss []string) string {
	if len(ss) == 1 {
		return ss[0]
	}
	return strings.Join(ss[:len(ss)-1], ", ") + " and " + ss[len(ss)-1]
}
