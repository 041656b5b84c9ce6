package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// Verdict is one sentence: for each measurement, at the point where its cost
// grows most, which backend is in which class and at what slope. Only units
// with a better side take part: a number of rules is no merit.
func (r *Report) Verdict() string {
	var clauses []string
	for i := range r.Tables {
		t := &r.Tables[i]
		if !t.Primary || t.Unit.Better == results.Neither || len(t.Fits) == 0 {
			continue
		}
		clauses = append(clauses, t.verdict())
	}
	s := "No measurement has values at several numbers of Services, so nothing can be said of growth"
	if len(clauses) > 0 {
		s = strings.Join(clauses, "; ")
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if n := r.failed(); n > 0 {
		s += fmt.Sprintf("; %d of %d cells failed", n, r.cells())
	}
	return s + "."
}

func (r *Report) failed() int {
	n := 0
	for _, p := range r.Problems {
		if p.State == Failed {
			n++
		}
	}
	return n
}

func (r *Report) cells() int {
	n := 0
	for _, run := range r.Runs {
		n += len(run.Meta.Cells)
	}
	return n
}

// classOrder is the order in which classes are named, worst first.
var classOrder = []stats.Class{stats.Superlinear, stats.Linear, stats.Sublinear, stats.Constant, stats.Unknown}

// verdict is the table's clause: "first packet (position=last): O(n) with
// iptables-legacy (26.0 instructions per Service), O(1) with ipvs".
func (t *Table) verdict() string {
	fits := t.steepest()
	q := quantityOf(t.Unit)
	name := words(t.Measurement)
	if len(fits[0].Group) > 0 {
		name += " (" + labelText(fits[0].Group) + ")"
	}
	var parts []string
	unitSaid := false
	for _, class := range classOrder {
		var with []string
		for _, f := range fits {
			if f.Growth.Class != class {
				continue
			}
			s := f.Backend
			switch class {
			case stats.Superlinear, stats.Linear, stats.Sublinear:
				about := q.slope(f.Growth.Line.Slope)
				if !unitSaid {
					about += " " + q.perSize()
					unitSaid = true
				}
				if class == stats.Superlinear {
					about += ", rising as n^" + plain(f.Growth.Exponent, 2)
				}
				s += " (" + about + ")"
			case stats.Unknown:
				s += " (" + f.Growth.Reason + ")"
			}
			with = append(with, s)
		}
		switch {
		case len(with) == 0:
		case len(with) == len(fits) && len(fits) > 1 && class == stats.Constant:
			parts = append(parts, "O(1) with all")
		default:
			parts = append(parts, string(class)+" with "+list(with))
		}
	}
	return lower(name) + ": " + strings.Join(parts, ", ")
}

// steepest is the fits of the group in which some backend's cost grows most:
// there the backends differ most, whatever the group's labels are called.
func (t *Table) steepest() []Fit {
	best, most := t.Fits[0].Group, 0.0
	for _, f := range t.Fits {
		if slope := f.Growth.Line.Slope; f.Growth.Class != stats.Constant && slope > most {
			best, most = f.Group, slope
		}
	}
	var fits []Fit
	for _, f := range t.Fits {
		if slices.Equal(f.Group, best) {
			fits = append(fits, f)
		}
	}
	return fits
}

func list(ss []string) string {
	if len(ss) == 1 {
		return ss[0]
	}
	return strings.Join(ss[:len(ss)-1], ", ") + " and " + ss[len(ss)-1]
}
