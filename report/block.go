package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// block is a piece of the printed report: a table with a title, or lines.
type block struct {
	title  string
	header []string
	keys   int // columns that say what a row is, before those of backends
	rows   [][]string
	lines  []string // after the rows
}

// printed is the report for people while it is made, whatever it is printed
// as. The short form fits a screen; wide has all rows, units and intervals.
type printed struct {
	*Report
	wide   bool
	others string // where a reader finds what the short form leaves out
	notes  []int  // footnotes, in the order in which a reader meets them
}

// blocks is the whole report but for the verdict.
func (r *Report) blocks(wide bool) []block {
	p := &printed{Report: r, wide: wide, others: "with -o wide"}
	bs := []block{p.runBlock()}
	if wide {
		bs = append(bs, p.allBlocks()...)
		bs = append(bs, p.growthWide())
	} else {
		bs = append(bs, p.shortBlocks()...)
		bs = append(bs, p.growth().apart()...)
	}
	problems := p.problemBlock() // knows which footnotes there are
	bs = append(bs, p.noteBlock(), problems)
	if slices.ContainsFunc(r.Tables, func(t Table) bool { return quantityOf(t.Unit).noun == "instructions" }) {
		bs = append(bs, block{lines: []string{"insns: instructions that the guest executed (virtual clock), not time."}})
	}
	for i := range bs {
		bs[i] = bs[i].turned()
	}
	return slices.DeleteFunc(bs, func(b block) bool { return b.title == "" && len(b.rows)+len(b.lines) == 0 })
}

// runBlock says what was run, and where.
func (p *printed) runBlock() block {
	var b block
	for _, run := range p.Runs {
		b.lines = append(b.lines, "Run "+run.Dir+": "+environment(run, p.wide))
		b.lines = append(b.lines, machineLines(run)...)
	}
	if p.Control != "" {
		b.lines = append(b.lines, "What "+p.Control+" costs at the same point is taken off every figure.")
	}
	return b
}

// environment is what a figure of the run depends on, in a few words: of
// kernel and QEMU the release only, unless builds are wanted too.
func environment(run *results.Run, builds bool) string {
	f := run.Meta.Fingerprint
	release := func(s string) string {
		if !builds {
			s, _, _ = strings.Cut(s, " ")
		}
		return s
	}
	s := f.Lab + " lab, " + f.Clock + " clock, kernel " + release(f.Kernel)
	if f.QEMU != "" {
		s += ", QEMU " + release(f.QEMU)
	}
	return s + ", svcmark " + f.Svcmark
}

// allBlocks is every table in full. Counts of things share one.
func (p *printed) allBlocks() []block {
	var bs []block
	for _, ts := range p.measurements() {
		var counts []*Table
		for _, t := range ts {
			if t.Unit.Better == results.Neither {
				counts = append(counts, t)
			} else {
				bs = append(bs, p.tableBlock(t, t.title()))
			}
		}
		switch len(counts) {
		case 0:
		case 1:
			bs = append(bs, p.tableBlock(counts[0], counts[0].title()))
		default:
			b := p.merged(counts)
			b.title = words(counts[0].Measurement) + sharedTitle(counts)
			bs = append(bs, b)
		}
	}
	return bs
}

// tableBlock prints the table's rows under a title.
func (p *printed) tableBlock(t *Table, title string) block {
	b := block{title: title, header: slices.Concat(t.Keys, t.Columns), keys: len(t.Keys)}
	for _, row := range t.Rows {
		var cells []string
		for _, v := range row.Values {
			cells = append(cells, dash(v))
		}
		for _, c := range row.Cells {
			cells = append(cells, p.cell(t, c))
		}
		b.rows = append(b.rows, cells)
	}
	return b
}

// merged prints several tables as one: a row says what it is of.
func (p *printed) merged(ts []*Table) block {
	var keys, columns []string
	shared := sharedLabels(ts)
	for _, t := range ts {
		for _, l := range t.Common {
			if !slices.Contains(shared, l) {
				keys = union(keys, []string{l.Key})
			}
		}
		keys = union(keys, t.Keys)
		columns = union(columns, t.Columns)
	}
	if i := slices.Index(keys, Axis); i >= 0 { // which comes last everywhere
		keys = append(slices.Delete(keys, i, i+1), Axis)
	}
	b := block{header: slices.Concat([]string{"measurement", "unit"}, keys, columns), keys: 2 + len(keys)}
	// What one point of a measurement has in several units stands together.
	points, order := map[string]int{}, []int{}
	for _, t := range ts {
		for _, row := range t.Rows {
			cells := []string{words(t.Measurement), t.Unit.Name}
			for _, k := range keys {
				cells = append(cells, dash(t.labelValue(row, k)))
			}
			point := fmt.Sprint(t.Measurement, cells[2:])
			if _, known := points[point]; !known {
				points[point] = len(points)
			}
			order = append(order, points[point])
			for _, c := range columns {
				if i := slices.Index(t.Columns, c); i >= 0 {
					cells = append(cells, p.cell(t, row.Cells[i]))
				} else {
					cells = append(cells, "–")
				}
			}
			b.rows = append(b.rows, cells)
		}
	}
	b.rows = sorted(b.rows, order)
	return b
}

// sorted puts rows into the order of their numbers; those of one number keep theirs.
func sorted(rows [][]string, order []int) [][]string {
	at := make([]int, len(rows))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(order[a], order[b]) })
	var all [][]string
	for _, i := range at {
		all = append(all, rows[i])
	}
	return all
}

// sharedTitle says what is the same in all tables.
func sharedTitle(ts []*Table) string {
	s := ""
	if !slices.ContainsFunc(ts, func(t *Table) bool { return !t.Unit.Exact }) {
		s = ": exact"
	}
	if shared := sharedLabels(ts); len(shared) > 0 {
		s += " (" + labelText(shared) + ")"
	}
	return s
}

// sharedLabels is the labels that are the same in all rows of all tables.
func sharedLabels(ts []*Table) []results.Label {
	return slices.DeleteFunc(slices.Clone(ts[0].Common), func(l results.Label) bool {
		return slices.ContainsFunc(ts, func(t *Table) bool { return !slices.Contains(t.Common, l) })
	})
}

// title says what the figures are: "First packet, insns/op: median, lower is
// better (endpoints=3 protocol=tcp)".
func (t *Table) title() string {
	s := words(t.Measurement) + ", " + t.Unit.Name + ": "
	if t.Unit.Exact {
		s += "exact"
	} else {
		s += "median"
	}
	if t.Unit.Better != results.Neither {
		s += ", " + string(t.Unit.Better) + " is better"
	}
	if len(t.Common) > 0 {
		s += " (" + labelText(t.Common) + ")"
	}
	return s
}

// labelText is "position=last protocol=tcp".
func labelText(labels []results.Label) string {
	var ss []string
	for _, l := range labels {
		ss = append(ss, l.Key+"="+l.Value)
	}
	return strings.Join(ss, " ")
}

func (p *printed) cell(t *Table, c Cell) string {
	var s string
	switch c.State {
	case Absent:
		return "–"
	case Measured:
		s = quantityOf(t.Unit).value(c.Summary.Center)
		if !t.Unit.Exact || p.wide {
			s += " ±" + c.spread()
		}
	default:
		s = string(c.State)
	}
	return s + p.marks(c.Notes)
}

// spread is the half of the interval that reaches further from the centre, in
// relation to it.
func (c Cell) spread() string {
	s := c.Summary
	far := max(s.Hi-s.Center, s.Center-s.Lo)
	switch {
	case math.IsInf(far, 1):
		return "∞"
	case far == 0:
		return "0%"
	case s.Center == 0:
		return "?"
	}
	return significant(100*far/math.Abs(s.Center), 2) + "%"
}

// interval is a dash when it excludes nothing.
func interval(lo, hi float64, print func(float64) string) string {
	if math.IsInf(lo, -1) && math.IsInf(hi, 1) || math.IsNaN(lo) || math.IsNaN(hi) {
		return "–"
	}
	return "[" + print(lo) + ", " + print(hi) + "]"
}

// plain prints a number without a unit; a dash when there is none.
func plain(v float64, decimals int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-")
	}
	return s
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
