package compare

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/svcmark/svcmark/report"
)

// Text prints the comparison for a terminal. What is the same is only counted, unless
// all is wanted.
func (c *Comparison) Text(out io.Writer, all bool) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	c.head(w)
	for _, b := range c.blocks(all) {
		fmt.Fprintf(w, "\n%s\n%s\n", b.title, strings.Join(b.header, "\t"))
		for _, row := range b.rows {
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
	}
	for _, note := range c.Notes {
		fmt.Fprintf(w, "\nNote: %s\n", note)
	}
	fmt.Fprintf(w, "\n%s\n", c.Summary())
	return w.Flush()
}

// Markdown prints the same for a page, such as a CI job's summary.
func (c *Comparison) Markdown(out io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n", c.Summary())
	if loud := c.loud(); loud != "" {
		fmt.Fprintf(&b, "\n> %s\n", strings.ReplaceAll(strings.TrimSpace(loud), "\n", "\n> "))
	}
	for _, block := range c.blocks(all) {
		fmt.Fprintf(&b, "\n%s\n\n| %s |\n|%s\n", block.title, strings.Join(block.header, " | "), strings.Repeat(" --- |", len(block.header)))
		for _, row := range block.rows {
			fmt.Fprintf(&b, "| %s |\n", strings.ReplaceAll(strings.Join(row, " | "), "\n", " "))
		}
	}
	for _, note := range c.Notes {
		fmt.Fprintf(&b, "\nNote: %s\n", note)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (c *Comparison) head(w io.Writer) {
	fmt.Fprintf(w, "old: %s\nnew: %s\n", c.Old.Name, c.New.Name)
	if loud := c.loud(); loud != "" {
		fmt.Fprintf(w, "\n%s", loud)
	}
}

// loud says in what the sides differ besides what is compared.
func (c *Comparison) loud() string {
	if len(c.Differences) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("The two are not of the same making, and figures may differ for that alone:\n")
	for _, d := range c.Differences {
		fmt.Fprintf(&b, "  %s: %s there, %s here\n", d.Field, short(d.A), short(d.B))
	}
	return b.String()
}

// short keeps hashes from filling a line.
func short(s string) string {
	if s == "" {
		return "none"
	}
	if len(s) > 60 {
		return s[:20] + "…"
	}
	return s
}

// block is a table with a title.
type block struct {
	title  string
	header []string
	rows   [][]string
}

// figuresTitle is over the table of single figures.
const figuresTitle = "Figures"

func (c *Comparison) blocks(all bool) []block {
	blocks := []block{
		{title: "Cells that fail", header: []string{"cell", "reason"}},
		{title: figuresTitle, header: []string{"measurement", "unit", "at", "old", "new", "change", "verdict"}},
		{title: "Growth with the number of Services", header: []string{"figure", "old", "new", "change at the largest", "verdict"}},
		{title: "Instructions per operation, over all points of a backend", header: []string{"measurement", "backend", "points", "shift", "verdict"}},
		{title: "Geometric means of the changes", header: []string{"measurement", "unit", "backend", "points", "change", "95 % interval", "of the points"}},
	}
	for _, b := range c.Broken {
		blocks[0].rows = append(blocks[0].rows, []string{b.Cell, firstLine(b.Reason)})
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		if all || r.Judged && r.Verdict != Same {
			blocks[1].rows = append(blocks[1].rows, []string{r.Measurement, r.Unit.Name, textOf(r.Labels),
				figure(r, r.Old, r.OldSummary.Center), figure(r, r.New, r.NewSummary.Center), r.change(), r.told()})
		}
	}
	for _, g := range c.Growths {
		if all || g.Verdict != Same {
			blocks[2].rows = append(blocks[2].rows, []string{g.Name, string(g.Old.Class), string(g.New.Class), percent(g.Change), told(g.Verdict, g.Reason)})
		}
	}
	for _, s := range c.Shifts {
		if all || s.Verdict != Same {
			interval := "[none]"
			if s.Warning == "" {
				interval = fmt.Sprintf("[%+.0f, %+.0f]", s.Lo, s.Hi)
			}
			blocks[3].rows = append(blocks[3].rows, []string{s.Measurement, s.Backend, fmt.Sprint(s.Points), fmt.Sprintf("%+.0f %s", s.Center, interval), told(s.Verdict, s.Reason)})
		}
	}
	for i := range c.Means {
		m := &c.Means[i]
		blocks[4].rows = append(blocks[4].rows, []string{m.Measurement, m.Unit, m.Backend, fmt.Sprint(m.Points), percent(m.Change),
			m.interval(), percent(m.Least) + " to " + percent(m.Most)})
	}
	var filled []block
	for _, b := range blocks {
		if len(b.rows) > 0 {
			filled = append(filled, b)
		}
	}
	return filled
}

func figure(r *Row, f Figure, centre float64) string {
	switch {
	case len(f.Values) > 0:
		return report.Format(r.Unit, centre)
	case f.Failed != "":
		return "failed"
	}
	return "–"
}

func (r *Row) change() string {
	if len(r.Old.Values) == 0 || len(r.New.Values) == 0 {
		return "–"
	}
	text := percent(r.Change)
	if !math.IsNaN(r.P) {
		text += fmt.Sprintf(" (p=%.3f n=%d+%d)", r.P, len(r.Old.Values), len(r.New.Values))
	}
	return text
}

func (r *Row) told() string {
	if !r.Judged {
		return "(" + string(r.Verdict) + ")"
	}
	return told(r.Verdict, firstLine(r.Reason))
}

func told(v Verdict, reason string) string {
	if reason == "" {
		return string(v)
	}
	return string(v) + ": " + reason
}

// percent keeps what is tiny and not nothing apart from nothing.
func percent(share float64) string {
	switch {
	case share == 0:
		return "0"
	case math.IsInf(share, 0):
		return "from 0"
	case math.Abs(share) < 0.0001:
		return fmt.Sprintf("%+.1e %%", 100*share)
	}
	return fmt.Sprintf("%+.2f %%", 100*share)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// Summary is the outcome in one sentence.
func (c *Comparison) Summary() string {
	counts := map[Verdict]int{}
	judged := 0
	for i := range c.Rows {
		if c.Rows[i].Judged {
			judged++
			counts[c.Rows[i].Verdict]++
		}
	}
	var told []string
	for _, v := range []Verdict{Worse, Lost, Inconclusive, Better, New, Same} {
		if counts[v] > 0 {
			told = append(told, fmt.Sprintf("%d %s", counts[v], v))
		}
	}
	s := fmt.Sprintf("%s: of %d figures %s", c.Outcome(), judged, strings.Join(told, ", "))
	if n := countShifts(c.Shifts); n > 0 {
		s += fmt.Sprintf("; %d of %d packet measurements have shifted for the worse", n, len(c.Shifts))
	}
	if n := countGrowths(c.Growths); n > 0 {
		s += fmt.Sprintf("; %d of %d grow faster", n, len(c.Growths))
	}
	if n := len(c.Broken); n > 0 {
		s += fmt.Sprintf("; cells that fail now: %d", n)
	}
	return s + "."
}

func countShifts(shifts []Shift) (n int) {
	for _, s := range shifts {
		if s.Verdict == Worse {
			n++
		}
	}
	return n
}

func countGrowths(growths []Growth) (n int) {
	for _, g := range growths {
		if g.Verdict == Worse {
			n++
		}
	}
	return n
}
