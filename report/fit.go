package report

import (
	"math"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// fit makes the table's Fits: one for each backend and each combination of the
// labels other than Axis. A table whose rows lie on no axis has none.
func (t *Table) fit() {
	if !slices.Contains(t.Keys, Axis) {
		return
	}
	index := map[string]int{}
	for _, row := range t.Rows {
		if math.IsNaN(row.X) {
			continue
		}
		for i, c := range row.Cells {
			id := strings.Join(row.Values[:len(row.Values)-1], "\x00") + "\x00\x00" + t.Columns[i]
			n, ok := index[id]
			if !ok {
				n = len(t.Fits)
				index[id] = n
				t.Fits = append(t.Fits, Fit{Group: t.groupOf(row), Backend: t.Columns[i]})
			}
			if c.State == Measured {
				s := c.Summary
				t.Fits[n].Points = append(t.Fits[n].Points, stats.Point{X: row.X, Y: s.Center, Lo: s.Lo, Hi: s.Hi})
			}
		}
	}
	t.Fits = slices.DeleteFunc(t.Fits, func(f Fit) bool { return len(f.Points) == 0 })
	for i := range t.Fits {
		f := &t.Fits[i]
		f.Growth = stats.Classify(f.Points)
		f.Exponent = stats.Exponent(f.Points)
	}
}

// groupOf is the row's labels but Axis, which is the last key.
func (t *Table) groupOf(row Row) []results.Label {
	var group []results.Label
	for i, k := range t.Keys[:len(t.Keys)-1] {
		group = append(group, results.Label{Key: k, Value: row.Values[i]})
	}
	return group
}

// zero tells whether there are values and every one is 0.
func (t *Table) zero() bool {
	any := false
	for _, row := range t.Rows {
		any = any || row.measured()
		if !row.zero() {
			return false
		}
	}
	return any
}

// zero tells whether no value of the row is other than 0. A median of 0 is not
// enough: one repetition may have lost something.
func (r Row) zero() bool {
	return !slices.ContainsFunc(r.Cells, func(c Cell) bool {
		return c.State == Measured && !c.zero
	})
}

// measured tells whether the row has a value.
func (r Row) measured() bool {
	return slices.ContainsFunc(r.Cells, func(c Cell) bool { return c.State == Measured })
}
