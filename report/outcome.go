package report

import (
	"slices"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// cell writes into the tables what run.json says of a cell: why values are
// missing, and what warns of those that are there.
func (b *builder) cell(c results.CellMeta, run string) {
	labels := dropRun(c.Labels)
	problem := Problem{Cell: results.KeyOf(labels, c.Repeat), Run: run, labels: labels, repeat: c.Repeat}
	switch c.Status {
	case results.Failed, results.NotRun:
		problem.State = Failed
		if c.Status == results.NotRun {
			problem.State = NA
		}
		problem.Reason = c.Reason
		b.report.Problems = append(b.report.Problems, problem)
		note := b.note(brief(c.Reason, "no reason was recorded"))
		for i := range b.drafts {
			b.drafts[i].mark(c.Labels, problem.State, note)
		}
	}
	for _, na := range c.NA {
		p := problem
		p.State, p.Measurement, p.Reason = NA, na.Measurement, na.Reason
		b.report.Problems = append(b.report.Problems, p)
		note := b.note(brief(na.Reason, "not available"))
		for i, t := range b.report.Tables {
			// The scenario's key is camelCase, a measurement's name CamelCase.
			if strings.EqualFold(t.Measurement, na.Measurement) {
				b.drafts[i].mark(c.Labels, NA, note)
			}
		}
	}
	for _, w := range c.Warnings {
		note := b.note(w)
		for _, d := range b.drafts {
			d.warn(c.Labels, note)
		}
	}
}

// mark gives every value that the cell should have had a state and a note. The
// rows are those that other cells have at the labels that are not the cell's,
// such as its positions.
func (d *draft) mark(cell []results.Label, state State, note int) {
	// A label that no result carries would make rows of its own.
	cell = slices.DeleteFunc(slices.Clone(cell), func(l results.Label) bool {
		return l.Key != Column && !slices.Contains(d.keys, l.Key)
	})
	outer := map[string]bool{}
	for _, l := range cell {
		outer[l.Key] = true
	}
	for _, r := range slices.Clone(d.rows) {
		labels := slices.Clone(cell)
		for _, k := range d.keys {
			if v, ok := r.labels[k]; ok && !outer[k] {
				labels = append(labels, results.Label{Key: k, Value: v})
			}
		}
		c := d.at(labels)
		if c.state != Failed { // which says more than n/a
			c.state = state
		}
		if !slices.Contains(c.notes, note) {
			c.notes = append(c.notes, note)
		}
	}
}

// warn adds a note to the values that the cell has.
func (d *draft) warn(cell []results.Label, note int) {
	for _, r := range d.rows {
		column, ok := "", true
		for _, l := range cell {
			if l.Key == Column {
				column = l.Value
			} else if r.labels[l.Key] != l.Value {
				ok = false
			}
		}
		if c := r.cells[column]; ok && c != nil && !slices.Contains(c.notes, note) {
			c.notes = append(c.notes, note)
		}
	}
}

// brief is the first line of a reason: the rest stands among the problems.
func brief(reason, otherwise string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(reason), "\n")
	if line == "" {
		return otherwise
	}
	return line
}

func dropRun(labels []results.Label) []results.Label {
	return slices.DeleteFunc(slices.Clone(labels), func(l results.Label) bool { return l.Key == runKey })
}
