package report

import (
	"slices"
	"strings"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// explain makes the legend: each backend with its class and slope, at the
// group where they differ most.
func (f *figure) explain(t *Table, split []results.Label) {
	within := *t
	within.Fits = slices.DeleteFunc(slices.Clone(t.Fits), func(fit Fit) bool { return !includes(fit.Group, split) })
	fits := within.steepest()
	if len(f.panels) > 1 {
		f.heading = "class and slope"
		if at := slices.DeleteFunc(slices.Clone(fits[0].Group), func(l results.Label) bool { return slices.Contains(split, l) }); len(at) > 0 {
			f.heading = "class and slope at " + caption(at)
		} else if q := quantityOf(t.Unit); q.aspect != "" {
			f.heading = "class and slope of " + q.axis()
		}
	}
	for _, backend := range t.Columns {
		if !slices.ContainsFunc(within.Fits, func(fit Fit) bool { return fit.Backend == backend }) {
			continue
		}
		e := legendEntry{backend: backend}
		if i := slices.IndexFunc(fits, func(fit Fit) bool { return fit.Backend == backend }); i >= 0 {
			e.detail = string(fits[i].Growth.Class)
			switch fits[i].Growth.Class {
			case stats.Superlinear, stats.Sublinear:
				if p := power(fits[i].Growth); p != "" {
					e.detail += ", about " + p
				}
			case stats.Linear:
				e.detail += ", " + f.q.slope(fits[i].Growth.Line.Slope) + " per Service"
			}
			if f.hidden[backend] {
				e.detail += ", " + f.q.slope(fits[i].Points[0].Y) + ": off the scale"
			}
		}
		if at := within.failedAt(backend); len(at) > 0 {
			e.failed = "failed at " + strings.Join(at, ", ")
		}
		f.legend = append(f.legend, e)
	}
}

// failedAt is the sizes at which the backend failed, in any row.
func (t *Table) failedAt(backend string) []string {
	var at []string
	i := slices.Index(t.Columns, backend)
	for _, row := range t.Rows {
		if size := si.short(row.X); row.Cells[i].State == Failed && !slices.Contains(at, size) {
			at = append(at, size)
		}
	}
	return at
}
