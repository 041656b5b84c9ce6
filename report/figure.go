package report

import (
	"math"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// figure is a picture before it is drawn: which values go where. Panels are
// beside each other and share their scales, unless they are bars.
type figure struct {
	name     string // of its files, without extension
	title    string
	subtitle string
	better   results.Better
	yTitle   string
	q        quantity
	log      bool            // both axes are logarithmic
	hidden   map[string]bool // backends too small to be drawn with the others
	panels   []panel
	parts    []string // what bars are stacked of; empty when they are whole
	legend   []legendEntry
	heading  string // over the legend's details; "" when they hold for the picture
}

// panel is curves over Axis, or bars.
type panel struct {
	title  string
	curves []curve
	bars   []bar
}

// curve is one backend's values over Axis.
type curve struct {
	backend string
	points  []stats.Point
	fit     *stats.Line // drawn instead of the connection of points when it is a good one
}

// bar is one backend's value, in parts that add up; it has none when there is
// no value.
type bar struct {
	backend string
	parts   []float64
}

// legendEntry explains one backend's look, and says what its figures say.
type legendEntry struct{ backend, detail string }

// figures decides which pictures the report has. Units decide it, not names:
// those without a better side, those that refine another and those that are 0
// everywhere have none.
func (r *Report) figures() []figure {
	var fs []figure
	for i := 0; i < len(r.Tables); {
		j := i
		for j < len(r.Tables) && r.Tables[j].Measurement == r.Tables[i].Measurement {
			j++
		}
		fs = append(fs, r.measurementFigures(r.Tables[i:j])...)
		i = j
	}
	return fs
}

// measurementFigures draws tables of one measurement: units of one kind
// together, others apart.
func (r *Report) measurementFigures(tables []Table) []figure {
	var kinds [][]*Table
	for i := range tables {
		t := &tables[i]
		if t.Companion || t.Unit.Better == results.Neither || t.zero() || len(t.Fits) == 0 {
			continue
		}
		q := quantityOf(t.Unit)
		k := slices.IndexFunc(kinds, func(ts []*Table) bool {
			o := quantityOf(ts[0].Unit)
			return o.noun == q.noun && o.per == q.per
		})
		if k < 0 {
			kinds = append(kinds, []*Table{t})
		} else {
			kinds[k] = append(kinds[k], t)
		}
	}
	var fs []figure
	for i, ts := range kinds {
		suffix := ""
		if i > 0 { // the first kind is the measurement's own
			suffix = quantityOf(ts[0].Unit).noun
		}
		fs = append(fs, r.kindFigures(ts, suffix)...)
	}
	return fs
}

// kindFigures draws units of one kind. Costs of an operation add up and are
// stacked as bars; sizes do not and get a panel each. A single unit gets a
// panel for each value of the label that has most of them, such as the
// position. What other labels there are make pictures of their own.
func (r *Report) kindFigures(ts []*Table, suffix string) []figure {
	first := ts[0]
	q := quantityOf(first.Unit)
	stacked := len(ts) > 1 && q.per != ""
	facet := ""
	if len(ts) == 1 {
		facet = first.facet()
	}
	var fs []figure
	for _, split := range first.splits(facet) {
		f := figure{q: q, title: words(first.Measurement), yTitle: q.axis(), better: first.Unit.Better}
		slug := []string{words(first.Measurement), suffix}
		for _, l := range split {
			slug = append(slug, l.Value)
		}
		f.name = slugOf(slug)
		f.subtitle = r.subtitle(first, split)
		switch {
		case stacked || first.sizes() < 2:
			f.title += sizesTitle(first)
			f.bars(ts, split, facet)
		case len(ts) > 1:
			f.title += " over the number of Services"
			f.yTitle = q.noun
			for _, t := range ts {
				f.panels = append(f.panels, panel{title: quantityOf(t.Unit).axis(), curves: t.curves(split)})
			}
			f.chooseScale()
			f.explain(first, split)
		default:
			f.title += " over the number of Services"
			for _, v := range first.values(facet, split) {
				p := panel{curves: first.curves(append(slices.Clone(split), v...))}
				p.title = caption(v)
				f.panels = append(f.panels, p)
			}
			f.chooseScale()
			f.explain(first, split)
		}
		fs = append(fs, f)
	}
	return fs
}

func sizesTitle(t *Table) string {
	if t.sizes() == 1 {
		return ""
	}
	return " by number of Services"
}

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

// curves is the group's backends.
func (t *Table) curves(group []results.Label) []curve {
	var cs []curve
	q := quantityOf(t.Unit)
	for _, f := range t.Fits {
		if !includes(f.Group, group) {
			continue
		}
		c := curve{backend: f.Backend}
		for _, p := range f.Points {
			c.points = append(c.points, stats.Point{X: p.X, Y: p.Y * q.factor, Lo: p.Lo * q.factor, Hi: p.Hi * q.factor})
		}
		if f.Growth.Class == stats.Linear || f.Growth.Class == stats.Constant {
			l := f.Growth.Line
			l.Intercept *= q.factor
			l.Slope *= q.factor
			c.fit = &l
		}
		cs = append(cs, c)
	}
	return cs
}

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
			case stats.Superlinear:
				e.detail += ", about n^" + plain(fits[i].Growth.Exponent, 2)
			case stats.Linear, stats.Sublinear:
				e.detail += ", " + f.q.slope(fits[i].Growth.Line.Slope) + " per Service"
			}
			if f.hidden[backend] {
				e.detail += ", " + f.q.slope(fits[i].Points[0].Y) + ": off the scale"
			}
		}
		f.legend = append(f.legend, e)
	}
}

// chooseScale takes logarithmic scales when the values span more than two
// decades: on a linear axis all but the largest would lie on the ground. A
// backend that lies two decades below all others, such as the control's empty
// sync, would press them together; it is left to the legend.
func (f *figure) chooseScale() {
	lows, highs := map[string]float64{}, map[string]float64{}
	for _, p := range f.panels {
		for _, c := range p.curves {
			for _, pt := range c.points {
				if _, ok := lows[c.backend]; !ok {
					lows[c.backend] = pt.Y
				}
				lows[c.backend] = min(lows[c.backend], pt.Y)
				highs[c.backend] = max(highs[c.backend], pt.Y)
			}
		}
	}
	spread := func() (lo, hi float64) {
		lo = math.Inf(1)
		for b := range lows {
			if !f.hidden[b] && lows[b] > 0 {
				lo, hi = min(lo, lows[b]), max(hi, highs[b])
			}
		}
		return lo, hi
	}
	f.hidden = map[string]bool{}
	lo, hi := spread()
	if hi <= far*lo {
		return
	}
	for b := range highs {
		below := len(highs) > 1
		for o := range lows {
			below = below && (o == b || highs[b]*far <= lows[o])
		}
		if below {
			f.hidden[b] = true
			break
		}
	}
	lo, hi = spread()
	f.log = hi > far*lo
}

// far is what separates values too much for one linear axis.
const far = 100

// subtitle says what the figures are, and where they are from.
func (r *Report) subtitle(t *Table, split []results.Label) string {
	parts := []string{}
	if c := caption(append(slices.Clone(split), t.Common...)); c != "" {
		parts = append(parts, c)
	}
	if len(r.Runs) == 1 {
		run := r.Runs[0].Meta.Fingerprint
		parts = append(parts, "kernel "+run.Kernel, run.Lab+" lab, "+run.Clock+" clock")
	}
	if t.Unit.Exact {
		parts = append(parts, "exact values")
	} else {
		parts = append(parts, "medians")
	}
	return strings.Join(parts, "  ·  ")
}

// caption is labels for a picture: "position: last, protocol: tcp".
func caption(labels []results.Label) string {
	var ss []string
	for _, l := range labels {
		ss = append(ss, l.Key+": "+l.Value)
	}
	return strings.Join(ss, ", ")
}

// foot is the picture's last line.
func (f *figure) foot(better results.Better) string {
	s := "Lower is better."
	if better == results.Higher {
		s = "Higher is better."
	}
	if len(f.legend) > 0 {
		s += " Markers: measured. Lines: least-squares fits where cost is O(1) or O(n), else from point to point."
	}
	if f.q.noun == "instructions" {
		s += " Virtual clock: instructions, not time."
	}
	return s
}

// slugOf makes a file's name from words: "first-packet-tcp".
func slugOf(parts []string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, strings.Join(parts, "-"))
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '-' }), "-")
}
