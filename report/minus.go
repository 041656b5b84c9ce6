package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// Minus is the run with what one backend, the control, costs at the same point taken
// off every other's figures: what is left is the dataplane's own. Only exact units with
// a better side are in it, for of two noisy medians the difference says less than
// either, and none that refines another: no difference of quantiles is a quantile. What
// has no control at its point is left out. The run itself is not changed.
func Minus(run *results.Run, control string) (*results.Run, error) {
	exact := map[string]bool{}
	for _, u := range run.Units {
		refining := slices.ContainsFunc(run.Units, func(o results.Unit) bool { return strings.HasSuffix(u.Name, "-"+o.Name) })
		exact[u.Name] = u.Exact && u.Better != results.Neither && !refining
	}
	off := map[string][]float64{} // by point and unit
	point := func(r *results.Result, unit string) string {
		p := results.Result{Measurement: r.Measurement}
		for _, l := range r.Labels {
			if l.Key != Column {
				p.Labels = append(p.Labels, l)
			}
		}
		return p.Name() + " " + unit
	}
	for i := range run.Results {
		r := &run.Results[i]
		for _, s := range r.Samples {
			if r.Label(Column) == control && exact[s.Unit] {
				off[point(r, s.Unit)] = append(off[point(r, s.Unit)], s.Value)
			}
		}
	}
	if len(off) == 0 {
		return nil, fmt.Errorf("%s has no exact figures of the backend %q that could be taken off the others'", run.Dir, control)
	}
	left := *run
	left.Results = nil
	for _, r := range run.Results {
		var samples []results.Sample
		for _, s := range r.Samples {
			if c, ok := off[point(&r, s.Unit)]; ok && r.Label(Column) != control {
				samples = append(samples, results.Sample{Value: s.Value - stats.Median(c).Center, Unit: s.Unit})
			}
		}
		if len(samples) > 0 {
			r.Samples = samples
			left.Results = append(left.Results, r)
		}
	}
	left.Meta.Cells = slices.DeleteFunc(slices.Clone(run.Meta.Cells), func(c results.CellMeta) bool {
		return slices.Contains(c.Labels, results.Label{Key: Column, Value: control})
	})
	return &left, nil
}
