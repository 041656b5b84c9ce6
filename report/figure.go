package report

import (
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
	over     axes
	note     string // more to say at the foot; "" when there is nothing
	footing  string // the foot itself, where it is no measurement's; "" otherwise
	heading  string // over the legend's details; "" when they hold for the picture
}

// panel is curves over Axis, or bars, or a timeline.
type panel struct {
	title  string
	curves []curve
	bars   []bar

	timeline *results.Timeline
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
type legendEntry struct{ backend, detail, failed string }

// figures decides which pictures the report has. Units decide it, not names:
// those without a better side, those that refine another and those that are 0
// everywhere have none.
func (r *Report) figures() []figure {
	var fs []figure
	for _, tables := range r.measurements() {
		fs = append(fs, r.measurementFigures(tables)...)
	}
	return append(append(fs, r.distributions()...), r.timelines()...)
}

// measurementFigures draws tables of one measurement: units of one kind
// together, others apart.
func (r *Report) measurementFigures(tables []*Table) []figure {
	var kinds [][]*Table
	split := modes(tables)
	for _, t := range tables {
		q := quantityOf(t.Unit)
		// Where time went says more than the sum, which the stack shows too.
		part := slices.Contains(split, t)
		if whole := split != nil && !part && q.sameKind(quantityOf(split[0].Unit)); whole || t.Companion && !part {
			continue
		}
		if t.Unit.Better == results.Neither || !t.drawable() {
			continue
		}
		k := slices.IndexFunc(kinds, func(ts []*Table) bool { return q.sameKind(quantityOf(ts[0].Unit)) })
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

// drawable tells whether there is a value over Axis that a picture can show.
func (t *Table) drawable() bool {
	return slices.ContainsFunc(t.Fits, func(f Fit) bool {
		return slices.ContainsFunc(f.Points, func(p stats.Point) bool { return p.Y != 0 })
	})
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
			f.yTitle = strings.TrimPrefix(q.axis(), q.aspect+" ")
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
		if len(first.Columns) > crowd && len(f.panels) > 0 && len(f.panels[0].bars) == 0 && len(ts) == 1 {
			fs = append(fs, f.beside(r, first, split))
		}
	}
	return fs
}

// beside is the picture of the same values as bars, which a crowd of backends needs
// beside their curves: those that cost alike lie upon each other there. It has the
// headline of what the curves have a panel each for, and the dearest at the end.
func (f *figure) beside(r *Report, t *Table, split []results.Label) figure {
	rest := slices.DeleteFunc(t.headline(headlineKeys()...), func(l results.Label) bool {
		return slices.ContainsFunc(split, func(s results.Label) bool { return s.Key == l.Key })
	})
	group := append(slices.Clone(split), rest...)
	b := figure{
		q: f.q, yTitle: f.yTitle, better: f.better, name: f.name + "-bars",
		title: words(t.Measurement) + sizesTitle(t), subtitle: r.subtitle(t, group),
	}
	b.bars([]*Table{t}, group, "")
	b.order()
	return b
}

func sizesTitle(t *Table) string {
	if t.sizes() == 1 {
		return ""
	}
	return " by number of Services"
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
