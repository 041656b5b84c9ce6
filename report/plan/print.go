package plan

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/svcmark/svcmark/results"
)

// note says what a reader must know of the answers.
func (p *Plan) note(run *results.Run, byDefault bool) {
	if run.Meta.Fingerprint.Clock == "virtual" {
		p.Notes = append(p.Notes, "The virtual clock counts instructions, not time: 1G of them are a second of a processor that executes one a nanosecond. For time on your hardware plan with a run in the wall clock.")
	}
	if slices.ContainsFunc(p.Answers, func(a Answer) bool {
		return slices.ContainsFunc(a.Rows, func(r Row) bool { return r.State == Within && math.IsNaN(r.Lo) })
	}) {
		p.Notes = append(p.Notes, "No interval: a median has one from 6 repetitions on.")
	}
	if p.Cluster > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("Your cluster is the %s Services that the scenario lists. Several times it holds each of them so often, with its own ports, endpoints and policies.", count(float64(p.Cluster), 0)))
	}
	if byDefault {
		p.Notes = append(p.Notes, "Limits by default; yours with --limit, such as --limit sync=… --limit firstPacket.p99=….")
	}
	p.Notes = append(p.Notes, fmt.Sprintf("Between sizes that were measured figures are interpolated. Beyond them they are foretold, up to %d times the largest: test says by how much the same model misses the largest size when it knows the sizes up to half of it alone.", Reach))
}

// Text prints the plan for a terminal.
func (p *Plan) Text(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, run := range p.Runs {
		f := run.Meta.Fingerprint
		kernel, _, _ := strings.Cut(f.Kernel, " ")
		fmt.Fprintf(w, "Run %s: %s lab, %s clock, kernel %s\n", run.Dir, f.Lab, f.Clock, kernel)
	}
	for _, b := range p.blocks() {
		fmt.Fprintf(w, "\n%s\n%s\n", b.title, strings.Join(b.header, "\t"))
		for _, row := range b.rows {
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
	}
	fmt.Fprintln(w)
	for _, a := range p.Advice {
		fmt.Fprintln(w, a)
	}
	fmt.Fprintln(w)
	for _, n := range p.Notes {
		fmt.Fprintln(w, n)
	}
	return w.Flush()
}

// Markdown prints the same for a page.
func (p *Plan) Markdown(out io.Writer) error {
	var b strings.Builder
	for _, a := range p.Advice {
		fmt.Fprintf(&b, "**%s**\n\n", a)
	}
	for _, block := range p.blocks() {
		fmt.Fprintf(&b, "%s\n\n| %s |\n|%s\n", block.title, strings.Join(block.header, " | "), strings.Repeat(" --- |", len(block.header)))
		for _, row := range block.rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
		b.WriteByte('\n')
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "%s\n\n", n)
	}
	_, err := io.WriteString(out, strings.TrimSuffix(b.String(), "\n"))
	return err
}

// block is a table with a title.
type block struct {
	title  string
	header []string
	rows   [][]string
}

func (p *Plan) blocks() (all []block) {
	for i := range p.Answers {
		a := &p.Answers[i]
		b := block{
			title:  fmt.Sprintf("Services at which %s reaches %s (%s), with 95 %% intervals", a.what(), a.Limit.Value, a.Unit.Name),
			header: []string{"backend", "Services", "how", "largest measured", "trend", "foretold", "test"},
		}
		for j := range a.Rows {
			r := &a.Rows[j]
			foretold, test := "–", "–"
			if r.Trend != "" {
				foretold = fmt.Sprintf("%s [%s, %s] at %s", a.show(r.ValueAt), a.show(r.Lower), a.show(r.Upper), count(r.Reach, 0))
				test = fmt.Sprintf("%+.1f %% at %s from %s", 100*r.Foretold, count(r.To, 0), count(r.From, 0))
			}
			b.rows = append(b.rows, []string{r.Backend, r.told(count), r.how(), fmt.Sprintf("%s at %s", a.show(r.Value), count(r.Largest, 0)), dash(r.Trend), foretold, test})
		}
		if p.Cluster > 0 {
			b.insert("your cluster", func(i int) string { return a.Rows[i].told(p.multiple) })
		}
		all = append(all, b)
	}
	if len(p.Crossings) > 0 {
		b := block{title: "Where backends cross each other", header: []string{"figure", "cheaper below", "cheaper above", "Services", "how"}}
		for _, c := range p.Crossings {
			how := Within
			if c.Beyond {
				how = Beyond
			}
			name := strings.ToLower(c.Measurement[:1]) + c.Measurement[1:]
			if len(c.At) > 0 {
				name += " (" + labelsText(c.At) + ")"
			}
			b.rows = append(b.rows, []string{name, c.Below, c.Above, c.where(count), string(how)})
		}
		if p.Cluster > 0 {
			b.insert("your cluster", func(i int) string { return p.Crossings[i].where(p.multiple) })
		}
		all = append(all, b)
	}
	return all
}

// insert puts a column in before that which says how.
func (b *block) insert(header string, cell func(row int) string) {
	at := slices.Index(b.header, "how")
	b.header = slices.Insert(b.header, at, header)
	for i := range b.rows {
		b.rows[i] = slices.Insert(b.rows[i], at, cell(i))
	}
}

// where is where the two cross, each figure as show prints it.
func (c *Crossing) where(show func(v float64, way int) string) string {
	return fmt.Sprintf("%s [%s, %s]", show(c.Services, 0), show(c.Lo, -1), show(c.Hi, 1))
}

// told is where a limit is reached, or up to where it is not, each figure as show prints
// it.
func (r *Row) told(show func(v float64, way int) string) string {
	switch r.State {
	case NotWithin:
		s := "not up to " + show(r.Reach, 0)
		if !math.IsNaN(r.Lo) {
			s += ", may be from " + show(r.Lo, -1)
		}
		return s
	case Unknown:
		return "not up to " + show(r.Largest, 0)
	}
	return r.where(show, "")
}

// how is where the answer comes from.
func (r *Row) how() string {
	switch {
	case r.State == Beyond:
		return fmt.Sprintf("extrapolated %.2g x", r.Services/r.Largest)
	case r.Reason != "":
		return r.Reason
	case r.State == NotWithin:
		return "beyond that see --extrapolate"
	}
	return string(r.State)
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
