package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// block is a piece of the printed report: a table with a title, or lines.
type block struct {
	title  string
	header []string
	rows   [][]string
	lines  []string // after the rows
}

// blocks is the report for people, whatever it is printed as. wide shows the
// refining units, intervals and exponents too.
func (r *Report) blocks(wide bool) []block {
	bs := []block{r.runBlock()}
	for i := range r.Tables {
		t := &r.Tables[i]
		if t.Companion && !wide {
			continue
		}
		if t.zero() && !wide {
			// Nothing lost is worth a line, not a table.
			bs = append(bs, block{title: words(t.Measurement) + ": " + t.Unit.Name + " is 0 everywhere"})
			continue
		}
		bs = append(bs, t.block(wide))
	}
	bs = append(bs, r.growthBlocks(wide)...)
	if len(r.Problems) > 0 {
		bs = append(bs, r.problemBlock())
	}
	if len(r.Notes) > 0 {
		var b block
		for i, n := range r.Notes {
			b.lines = append(b.lines, superscript(i+1)+" "+n)
		}
		bs = append(bs, b)
	}
	return append(bs, block{lines: []string{r.Verdict()}})
}

// runBlock says what was run, and where.
func (r *Report) runBlock() block {
	var b block
	for _, run := range r.Runs {
		b.lines = append(b.lines, "Run "+run.Dir+": "+environment(run))
	}
	return b
}

// environment is what a figure of the run depends on, in a few words.
func environment(run *results.Run) string {
	f := run.Meta.Fingerprint
	s := f.Lab + " lab, " + f.Clock + " clock, kernel " + f.Kernel
	if f.QEMU != "" {
		s += ", QEMU " + f.QEMU
	}
	return s + ", svcmark " + f.Svcmark
}

func (t *Table) block(wide bool) block {
	b := block{title: t.title(), header: append(append([]string{}, t.Keys...), t.Columns...)}
	q := quantityOf(t.Unit)
	for _, row := range t.Rows {
		var cells []string
		for _, v := range row.Values {
			cells = append(cells, dash(v))
		}
		for _, c := range row.Cells {
			cells = append(cells, c.text(q, t.Unit.Exact && !wide))
		}
		b.rows = append(b.rows, cells)
	}
	return b
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

func (c Cell) text(q quantity, exact bool) string {
	var s string
	switch c.State {
	case Absent:
		return "–"
	case Measured:
		s = q.value(c.Summary.Center)
		if !exact {
			s += " ±" + c.spread()
		}
	default:
		s = string(c.State)
	}
	return s + marks(c.Notes)
}

// marks is the footnotes' numbers: "¹ ²".
func marks(notes []int) string {
	var ss []string
	for _, n := range notes {
		ss = append(ss, superscript(n+1))
	}
	return strings.Join(ss, " ")
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

func (r *Report) problemBlock() block {
	b := block{title: "What is missing, and why"}
	for _, p := range r.Problems {
		name := string(p.Cell)
		if p.Run != "" {
			name = p.Run + ": " + name
		}
		if p.Measurement != "" {
			name += " " + p.Measurement
		}
		reason := strings.Split(strings.TrimSpace(p.Reason), "\n")
		b.lines = append(b.lines, fmt.Sprintf("%s: %s: %s", p.State, name, dash(reason[0])))
		for _, l := range reason[1:] {
			b.lines = append(b.lines, "  | "+l)
		}
	}
	return b
}

func interval(lo, hi float64, print func(float64) string) string {
	return "[" + print(lo) + ", " + print(hi) + "]"
}

// plain prints a number without a unit; a dash when there is none.
func plain(v float64, decimals int) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return si.format(v, 1)
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// superscript prints a footnote's number: ¹²³.
func superscript(n int) string {
	return strings.Map(func(r rune) rune { return []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[r-'0'] }, strconv.Itoa(n))
}
