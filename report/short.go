package report

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// shortBlocks is what fits a screen: a block for each measurement that users
// wait for, at its headline, and one with the rest at the largest size.
func (p *printed) shortBlocks() []block {
	var bs []block
	var rest []*Table
	for _, ts := range p.measurements() {
		wanted := rates(ts)
		ts = slices.DeleteFunc(slices.Clone(ts), func(t *Table) bool { return t.Companion })
		if !wanted {
			rest = append(rest, ts...)
			continue
		}
		var lines []string
		for i, t := range ts {
			switch {
			case t.zero():
				// Nothing lost is worth a line, not a table.
				lines = append(lines, words(t.Measurement)+": "+t.Unit.Name+" is 0 everywhere.")
			case i == 0:
				bs = append(bs, p.headlineBlock(t))
			default:
				bs = append(bs, p.otherThanZero(t))
			}
		}
		if n := len(bs) - 1; len(lines) > 0 && n >= 0 && len(bs[n].rows) > 0 {
			bs[n].lines = lines
		} else if len(lines) > 0 {
			bs = append(bs, block{lines: lines})
		}
	}
	return append(bs, p.restBlock(rest))
}

// headlineBlock is the headline's rows, and says so when there are others.
func (p *printed) headlineBlock(t *Table) block {
	labels := t.headline(headlineKeys()...)
	title := t.title()
	if len(labels) > 0 {
		title += "; " + labelText(labels) + ", the others " + p.others
	}
	return p.tableBlock(t.at(labels), title)
}

// otherThanZero is the rows of a unit beside the measurement's own that have
// something to say: packets that were lost, wherever.
func (p *printed) otherThanZero(t *Table) block {
	part := *t
	part.Rows = slices.DeleteFunc(slices.Clone(t.Rows), Row.zero)
	title := t.title()
	if len(part.Rows) < len(t.Rows) {
		title += "; 0 in all other rows"
	}
	return p.tableBlock(&part, title)
}

// restBlock is sizes, counts and where time went, a row each.
func (p *printed) restBlock(ts []*Table) block {
	if len(ts) == 0 {
		return block{}
	}
	size, all := commonSize(ts)
	var parts []*Table
	for _, t := range ts {
		t = t.at(t.headline(headlineKeys()...))
		if slices.Contains(t.Keys, Axis) && size != "" {
			t = t.at([]results.Label{{Key: Axis, Value: size}})
		}
		parts = append(parts, t)
	}
	b := p.merged(parts)
	if len(b.rows) == 0 {
		return block{}
	}
	b.title = "The rest"
	if size != "" {
		b.title = "At " + size + " Services"
		if !all {
			b.title += ", the most that every backend has values at"
		}
	}
	b.title += sharedTitle(parts)
	if slices.ContainsFunc(ts, func(t *Table) bool { return t.sizes() > 1 }) {
		b.title += "; other sizes " + p.others
	}
	return b
}

// commonSize is the largest size at which every backend that has values
// somewhere has them, so that backends compare; without such a size just the
// largest. all tells that no larger one exists. It is "" when there is none.
func commonSize(ts []*Table) (size string, all bool) {
	full := map[float64]bool{}
	names := map[float64]string{}
	for _, t := range ts {
		if !slices.Contains(t.Keys, Axis) {
			continue
		}
		ever := make([]bool, len(t.Columns))
		for _, row := range t.Rows {
			for i, c := range row.Cells {
				ever[i] = ever[i] || c.State == Measured
			}
		}
		for _, row := range t.Rows {
			if math.IsNaN(row.X) || !row.measured() {
				continue
			}
			if _, known := names[row.X]; !known {
				names[row.X], full[row.X] = row.Values[len(row.Values)-1], true
			}
			for i, c := range row.Cells {
				full[row.X] = full[row.X] && (!ever[i] || c.State == Measured)
			}
		}
	}
	xs := slices.Sorted(maps.Keys(names))
	for _, x := range slices.Backward(xs) {
		if full[x] {
			return names[x], x == xs[len(xs)-1]
		}
	}
	if len(xs) == 0 {
		return "", true
	}
	return names[xs[len(xs)-1]], true
}

// cut is a reason of at most so many lines.
func cut(reason string, most int) []string {
	lines := strings.Split(strings.TrimSpace(reason), "\n")
	if len(lines) > most {
		lines = append(lines[:most:most], "… -o wide has all of it")
	}
	return lines
}
