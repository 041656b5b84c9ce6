package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// twoSizes is what a run at two sizes tells, which is no class of growth: how many times
// the cost of the smaller one is that of the larger, per backend. ok is false where some
// backend has more sizes, or others.
func twoSizes(tables []*Table) (clause string, ok bool) {
	var from, to float64
	var clauses []string
	for _, t := range tables {
		type ratio struct {
			text string
			of   float64
			with []string
		}
		var ratios []ratio
		fits := t.steepest()
		for _, f := range fits {
			if len(f.Points) > 2 {
				return "", false
			}
			if len(f.Points) < 2 || f.Points[0].Y <= 0 {
				continue
			}
			a, b := f.Points[0], f.Points[1]
			if from == 0 {
				from, to = a.X, b.X
			}
			if a.X != from || b.X != to {
				return "", false
			}
			r := ratio{of: b.Y / a.Y}
			r.text = "x" + plain(r.of, 1)
			if i := slices.IndexFunc(ratios, func(x ratio) bool { return x.text == r.text }); i >= 0 {
				ratios[i].with = append(ratios[i].with, f.Backend)
				continue
			}
			r.with = []string{f.Backend}
			ratios = append(ratios, r)
		}
		slices.SortStableFunc(ratios, func(a, b ratio) int { return cmp.Compare(a.of, b.of) })
		var parts []string
		for _, r := range ratios {
			parts = append(parts, r.text+" with "+list(r.with))
		}
		if len(parts) > 0 {
			clauses = append(clauses, t.named(fits)+" "+strings.Join(parts, ", "))
		}
	}
	if len(clauses) == 0 {
		return "", false
	}
	return fmt.Sprintf("from %s to %s Services: %s; two sizes tell no class of growth", plain(from, 0), plain(to, 0), strings.Join(clauses, "; ")), true
}
