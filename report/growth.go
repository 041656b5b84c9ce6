package report

import (
	"slices"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// growth is the fits of the measurements' first units, the backends beside
// each other. Of the protocols the headline's is there, of positions all: how
// the cost depends on them is what tells a walk from a look-up.
func (p *printed) growth() block {
	var columns []string
	var tables []*Table
	cut := false
	for i := range p.Tables {
		t := &p.Tables[i]
		if len(t.Fits) == 0 || t.zero() || !t.Primary || t.Unit.Better == results.Neither {
			continue
		}
		labels := t.headline(protocolKey)
		cut = cut || len(labels) > 0
		tables = append(tables, t.at(labels))
		columns = union(columns, t.Columns)
	}
	b := block{
		title:  "Growth: O(1), O(n) or about n^p, and the cost of one more Service with its 95 % interval",
		header: append([]string{"measurement", "unit", "at"}, columns...), keys: 3,
	}
	if cut {
		b.title += "; other protocols " + p.others
	}
	at := false
	for _, t := range tables {
		q := quantityOf(t.Unit)
		for _, group := range t.groups() {
			row := []string{words(t.Measurement), t.Unit.Name, dash(labelText(group))}
			at = at || len(group) > 0
			for _, c := range columns {
				i := slices.IndexFunc(t.Fits, func(f Fit) bool { return f.Backend == c && slices.Equal(f.Group, group) })
				if i < 0 {
					row = append(row, "–")
				} else {
					row = append(row, t.Fits[i].text(q)+p.marks(t.Fits[i].Notes))
				}
			}
			b.rows = append(b.rows, row)
		}
	}
	if len(b.rows) == 0 {
		return block{}
	}
	if !at {
		b.header, b.keys = slices.Delete(b.header, 2, 3), 2
		for i := range b.rows {
			b.rows[i] = slices.Delete(b.rows[i], 2, 3)
		}
	}
	return b
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
	case stats.Superlinear, stats.Sublinear:
		if p := power(f.Growth); p != "" {
			s = "~" + p
		}
	case stats.Linear:
	default:
		return s
	}
	return s + " " + q.slope(l.Slope) + " " + interval(l.Lo, l.Hi, q.slope)
}

// growthWide is every fit with all its figures, one a line.
func (p *printed) growthWide() block {
	b := block{
		title:  "Growth: cost = fixed + slope × Services, the slope's 95 % interval, p of cost = a + b × Services^p, p of cost = b × Services^p",
		header: []string{"measurement", "unit", "at", "backend", "class", "fixed", "slope", "interval", "fit", "R²", "bend", "power", "sizes"},
	}
	for i := range p.Tables {
		t := &p.Tables[i]
		if t.zero() || t.Companion {
			continue
		}
		q := quantityOf(t.Unit)
		for _, f := range t.Fits {
			l := f.Growth.Line
			fit := "ordinary"
			if l.Relative {
				fit = "relative"
			}
			b.rows = append(b.rows, []string{
				words(t.Measurement), t.Unit.Name, dash(labelText(f.Group)), f.Backend, string(f.Growth.Class) + p.marks(f.Notes),
				q.slope(l.Intercept), q.slope(l.Slope), interval(l.Lo, l.Hi, q.slope), fit, plain(l.R2, 4),
				plain(f.Growth.Exponent, 2), plain(f.Exponent, 2), plain(float64(len(f.Points)), 0),
			})
		}
	}
	if len(b.rows) == 0 {
		return block{}
	}
	return b
}
