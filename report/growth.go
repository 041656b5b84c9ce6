package report

import (
	"slices"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// growthBlocks is the fits: beside each other for reading, or wide, one a line
// with all their figures.
func (r *Report) growthBlocks(wide bool) []block {
	b := r.growth()
	if wide {
		b = r.growthWide()
	}
	if len(b.rows) == 0 {
		return nil
	}
	return []block{b}
}

func (r *Report) growth() block {
	var columns []string
	tables := r.fitted(false)
	for _, t := range tables {
		for _, c := range t.Columns {
			if !slices.Contains(columns, c) {
				columns = append(columns, c)
			}
		}
	}
	b := block{
		title:  "Growth: class, and cost of one more Service with its 95 % interval",
		header: append([]string{"measurement", "unit", "at"}, columns...),
	}
	for _, t := range tables {
		q := quantityOf(t.Unit)
		for _, group := range t.groups() {
			row := []string{words(t.Measurement), t.Unit.Name, dash(labelText(group))}
			for _, c := range columns {
				i := slices.IndexFunc(t.Fits, func(f Fit) bool { return f.Backend == c && slices.Equal(f.Group, group) })
				if i < 0 {
					row = append(row, "–")
				} else {
					row = append(row, t.Fits[i].text(q))
				}
			}
			b.rows = append(b.rows, row)
		}
	}
	return b
}

// fitted is the tables whose growth is worth saying: not what refines another
// unit, and not what is 0; only each measurement's first unit unless all.
func (r *Report) fitted(all bool) []*Table {
	var ts []*Table
	for i := range r.Tables {
		t := &r.Tables[i]
		if len(t.Fits) > 0 && !t.zero() && !t.Companion && (all || t.Primary) {
			ts = append(ts, t)
		}
	}
	return ts
}

// groups is the fits' groups, each once.
func (t *Table) groups() [][]results.Label {
	var gs [][]results.Label
	for _, f := range t.Fits {
		if !slices.ContainsFunc(gs, func(g []results.Label) bool { return slices.Equal(g, f.Group) }) {
			gs = append(gs, f.Group)
		}
	}
	return gs
}

// text is "O(n) 26.1 [25.9, 26.4]"; a constant's slope is left to wide.
func (f Fit) text(q quantity) string {
	s := string(f.Growth.Class)
	l := f.Growth.Line
	switch f.Growth.Class {
	case stats.Linear, stats.Superlinear, stats.Sublinear:
		s += " " + q.slope(l.Slope) + " " + interval(l.Lo, l.Hi, q.slope)
	}
	return s + marks(f.Notes)
}

func (r *Report) growthWide() block {
	b := block{
		title:  "Growth: cost = fixed + slope × Services, the slope's 95 % interval, p of cost = a + b × Services^p, p of cost = b × Services^p",
		header: []string{"measurement", "unit", "at", "backend", "class", "fixed", "slope", "interval", "R²", "bend", "power", "sizes"},
	}
	for _, t := range r.fitted(true) {
		q := quantityOf(t.Unit)
		for _, f := range t.Fits {
			l := f.Growth.Line
			b.rows = append(b.rows, []string{
				words(t.Measurement), t.Unit.Name, dash(labelText(f.Group)), f.Backend, string(f.Growth.Class) + marks(f.Notes),
				q.slope(l.Intercept), q.slope(l.Slope), interval(l.Lo, l.Hi, q.slope), plain(l.R2, 4),
				plain(f.Growth.Exponent, 2), plain(f.Power.Exponent, 2), plain(float64(len(f.Points)), 0),
			})
		}
	}
	return b
}
