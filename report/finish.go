package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// finish makes the table from its draft.
func (b *builder) finish(t *Table, d *draft) {
	t.Columns = d.columns
	slices.SortStableFunc(t.Columns, func(p, q string) int {
		return slices.Index(b.columns, p) - slices.Index(b.columns, q)
	})
	values := map[string][]string{} // as they first appear
	for _, k := range d.keys {
		for _, r := range d.rows {
			if v := r.labels[k]; !slices.Contains(values[k], v) {
				values[k] = append(values[k], v)
			}
		}
	}
	for _, k := range d.keys {
		switch {
		case k == Axis:
		case len(values[k]) > 1:
			t.Keys = append(t.Keys, k)
		default:
			t.Common = append(t.Common, results.Label{Key: k, Value: values[k][0]})
		}
	}
	if len(values[Axis]) > 0 {
		t.Keys = append(t.Keys, Axis)
	}
	for _, dr := range d.rows {
		row := Row{X: axisValue(dr.labels[Axis])}
		for _, k := range t.Keys {
			row.Values = append(row.Values, dr.labels[k])
		}
		for _, column := range t.Columns {
			row.Cells = append(row.Cells, b.summarise(t.Unit, dr.cells[column]))
		}
		t.Rows = append(t.Rows, row)
	}
	slices.SortStableFunc(t.Rows, func(p, q Row) int {
		for i, k := range t.Keys {
			if k == Axis {
				return compareAxis(p, q, i)
			}
			if p.Values[i] != q.Values[i] {
				return slices.Index(values[k], p.Values[i]) - slices.Index(values[k], q.Values[i])
			}
		}
		return 0
	})
	t.fit()
	for i := range t.Fits {
		f := &t.Fits[i]
		if f.Growth.Reason != "" && !t.Companion {
			f.Notes = append(f.Notes, b.note(f.Growth.Reason))
		}
	}
}

// compareAxis orders by number; what is no number comes last, by text.
func compareAxis(p, q Row, i int) int {
	switch {
	case p.X < q.X:
		return -1
	case p.X > q.X:
		return 1
	case math.IsNaN(p.X) && !math.IsNaN(q.X):
		return 1
	case !math.IsNaN(p.X) && math.IsNaN(q.X):
		return -1
	}
	return strings.Compare(p.Values[i], q.Values[i])
}

func axisValue(s string) float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 0 || math.IsInf(n, 0) {
		return math.NaN()
	}
	return n
}

func (b *builder) summarise(unit results.Unit, c *draftCell) Cell {
	if c == nil {
		return Cell{State: Absent}
	}
	if len(c.values) == 0 {
		return Cell{State: c.state, Notes: c.notes}
	}
	cell := Cell{State: Measured, Notes: c.notes}
	cell.zero = !slices.ContainsFunc(c.values, func(v float64) bool { return v != 0 })
	if unit.Exact {
		cell.Summary = stats.Exact(c.values)
	} else {
		cell.Summary = stats.Median(c.values)
	}
	if s := cell.Summary; s.Center == 0 && !cell.zero && !unit.Exact {
		// What happens seldom, such as a loss, shows in no median.
		cell.Notes = append(slices.Clone(cell.Notes), b.note(fmt.Sprintf("the repetitions range from %v to %v", slices.Min(c.values), slices.Max(c.values))))
	}
	if w := cell.Summary.Warning; w != "" {
		if n := b.note(w); !slices.Contains(cell.Notes, n) {
			cell.Notes = append(cell.Notes, n)
		}
	}
	return cell
}
