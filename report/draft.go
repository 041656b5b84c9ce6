package report

import (
	"slices"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// draft is a Table while its rows are being found.
type draft struct {
	keys    []string // every label but Column, as they first appear
	columns []string
	rows    []*draftRow
	index   map[string]*draftRow
}

type draftRow struct {
	labels map[string]string
	cells  map[string]*draftCell // by column
}

type draftCell struct {
	values []float64
	state  State // for a cell without values
	notes  []int
}

// at is the cell of a result with these labels, made when it is new.
func (d *draft) at(labels []results.Label) *draftCell {
	row := map[string]string{}
	column := ""
	for _, l := range labels {
		if l.Key == Column {
			column = l.Value
			continue
		}
		row[l.Key] = l.Value
		if !slices.Contains(d.keys, l.Key) {
			d.keys = append(d.keys, l.Key)
		}
	}
	if !slices.Contains(d.columns, column) {
		d.columns = append(d.columns, column)
	}
	var id strings.Builder
	for _, k := range d.keys {
		if v, ok := row[k]; ok {
			id.WriteString(k + "=" + v + "/")
		}
	}
	r := d.index[id.String()]
	if r == nil {
		r = &draftRow{labels: row, cells: map[string]*draftCell{}}
		d.index[id.String()] = r
		d.rows = append(d.rows, r)
	}
	c := r.cells[column]
	if c == nil {
		c = &draftCell{state: Absent}
		r.cells[column] = c
	}
	return c
}
