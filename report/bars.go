package report

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// bars fills the panels with one bar for each backend, a panel for each of the
// largest sizes, or for each value of the facet when there is one size.
func (f *figure) bars(ts []*Table, split []results.Label, facet string) {
	first := ts[0]
	if len(ts) > 1 {
		for _, t := range ts {
			f.parts = append(f.parts, strings.TrimSpace(quantityOf(t.Unit).aspect))
		}
		f.yTitle = strings.TrimPrefix(f.yTitle, f.q.aspect+" ")
	}
	var xs []float64
	for _, fit := range first.Fits {
		for _, p := range fit.Points {
			if !slices.Contains(xs, p.X) {
				xs = append(xs, p.X)
			}
		}
	}
	slices.Sort(xs)
	xs = xs[max(0, len(xs)-maxBarPanels):]
	for _, v := range first.values(facet, split) {
		for _, x := range xs {
			p := panel{title: si.short(x) + " Services"}
			if len(v) > 0 {
				p.title = caption(v) + ", " + p.title
			}
			group := append(slices.Clone(split), v...)
			for _, backend := range first.Columns {
				b := bar{backend: backend}
				for _, t := range ts {
					if y, ok := t.valueAt(backend, group, x); ok {
						b.parts = append(b.parts, y*f.q.factor)
					}
				}
				if len(b.parts) < len(ts) { // a sum without a part is no sum
					b.parts = nil
				}
				p.bars = append(p.bars, b)
			}
			f.panels = append(f.panels, p)
		}
	}
}

// maxBarPanels bounds the sizes that bars are drawn for; the largest matter.
const maxBarPanels = 4

func (t *Table) valueAt(backend string, group []results.Label, x float64) (float64, bool) {
	for _, f := range t.Fits {
		if f.Backend == backend && includes(f.Group, group) {
			for _, p := range f.Points {
				if p.X == x {
					return p.Y, true
				}
			}
		}
	}
	return 0, false
}

// order puts the bars of every panel into the order of the last panel that has all of
// them, the smallest first; a backend without a value keeps out of the others' way.
func (f *figure) order() {
	values := func(p panel) (n int, of map[string]float64) {
		of = map[string]float64{}
		for _, b := range p.bars {
			of[b.backend] = math.Inf(1)
			if len(b.parts) > 0 {
				of[b.backend] = b.parts[0]
				n++
			}
		}
		return n, of
	}
	most, by := 0, map[string]float64{}
	for _, p := range f.panels {
		if n, of := values(p); n >= most {
			most, by = n, of
		}
	}
	for _, p := range f.panels {
		slices.SortStableFunc(p.bars, func(a, b bar) int { return cmp.Compare(by[a.backend], by[b.backend]) })
	}
}
