package report

import (
	"slices"

	"github.com/svcmark/svcmark/results"
)

// facet is the key, other than Axis, that has most values; "" when none has
// several.
func (t *Table) facet() string {
	best, most := "", 1
	for i, k := range t.Keys {
		if n := len(t.column(i)); k != Axis && n > most {
			best, most = k, n
		}
	}
	return best
}

// column is the values of a key, in the rows' order.
func (t *Table) column(i int) []string {
	var vs []string
	for _, r := range t.Rows {
		if !slices.Contains(vs, r.Values[i]) {
			vs = append(vs, r.Values[i])
		}
	}
	return vs
}

// splits is the combinations of labels that are neither Axis nor the facet;
// one empty combination when there is no such label.
func (t *Table) splits(facet string) [][]results.Label {
	var out [][]results.Label
	for _, g := range t.groups() {
		g = slices.DeleteFunc(slices.Clone(g), func(l results.Label) bool { return l.Key == facet })
		if !slices.ContainsFunc(out, func(o []results.Label) bool { return slices.Equal(o, g) }) {
			out = append(out, g)
		}
	}
	return out
}

// values is the facet's values within the split, as labels; one empty one
// without a facet.
func (t *Table) values(facet string, split []results.Label) [][]results.Label {
	var out [][]results.Label
	for _, g := range t.groups() {
		if !includes(g, split) {
			continue
		}
		v := slices.DeleteFunc(slices.Clone(g), func(l results.Label) bool { return l.Key != facet })
		if !slices.ContainsFunc(out, func(o []results.Label) bool { return slices.Equal(o, v) }) {
			out = append(out, v)
		}
	}
	return out
}

// includes tells whether labels hold all of some.
func includes(labels, some []results.Label) bool {
	for _, l := range some {
		if !slices.Contains(labels, l) {
			return false
		}
	}
	return true
}

// sizes is the number of distinct sizes that have a value.
func (t *Table) sizes() int {
	xs := map[float64]bool{}
	for _, f := range t.Fits {
		for _, p := range f.Points {
			xs[p.X] = true
		}
	}
	return len(xs)
}
