package report

import (
	"slices"
	"strings"
)

// turned is the table with a row for each backend, where there is a crowd of them and
// fewer rows: lines stay short enough to be read. What told rows apart is then a
// header of several words.
func (b block) turned() block {
	backends := len(b.header) - b.keys
	if b.keys == 0 || backends <= crowd || len(b.rows) >= backends {
		return b
	}
	t := block{title: b.title, lines: b.lines, keys: 1, header: []string{Column}}
	for _, row := range b.rows {
		var names []string
		for i, v := range row[:b.keys] {
			if b.header[i] == Axis {
				v = Axis + "=" + v
			}
			if v != dash("") {
				names = append(names, v)
			}
		}
		t.header = append(t.header, strings.Join(names, " "))
	}
	for i, backend := range b.header[b.keys:] {
		row := []string{dash(backend)}
		for _, cells := range b.rows {
			row = append(row, cells[b.keys+i])
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// apart is a table as several, one for each value of its first column, which is then
// the title's: of a crowd of backends each is narrow enough to be turned.
func (b block) apart() []block {
	if len(b.header)-b.keys <= crowd {
		return []block{b}
	}
	var parts []block
	for _, row := range b.rows {
		if n := len(parts); n == 0 || parts[n-1].title != row[0] {
			parts = append(parts, block{title: row[0], header: b.header[1:], keys: b.keys - 1})
		}
		last := &parts[len(parts)-1]
		last.rows = append(last.rows, slices.Clone(row[1:]))
	}
	short, _, _ := strings.Cut(b.title, ":") // what the rest of the title says holds for all
	for i := range parts {
		before := short
		if i == 0 {
			before = b.title
		}
		parts[i].title = before + ": " + parts[i].title
	}
	return parts
}
