package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// marks is the footnotes' numbers: "¹ ²". A footnote gets its number where it
// is first referred to.
func (p *printed) marks(notes []int) string {
	var numbers []int
	for _, n := range notes {
		i := slices.Index(p.notes, n)
		if i < 0 {
			i = len(p.notes)
			p.notes = append(p.notes, n)
		}
		numbers = append(numbers, i+1)
	}
	slices.Sort(numbers)
	var ss []string
	for _, n := range numbers {
		ss = append(ss, superscript(n))
	}
	return strings.Join(ss, " ")
}

func (p *printed) noteBlock() block {
	var b block
	for i, n := range p.notes {
		b.lines = append(b.lines, superscript(i+1)+" "+p.Notes[n])
	}
	return b
}

// superscript prints a footnote's number: ¹²³.
func superscript(n int) string {
	return strings.Map(func(r rune) rune { return []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[r-'0'] }, strconv.Itoa(n))
}

// shortReason is how many lines of a failure's reason the short report has.
const shortReason = 6

// problemBlock is the cells without a result, those of one reason together.
// The short report leaves out what a footnote says in full.
func (p *printed) problemBlock() block {
	b := block{title: "Cells without a result"}
	most := math.MaxInt
	if !p.wide {
		most = shortReason
	}
	for _, same := range p.problemGroups() {
		first := same[0]
		if !p.wide && slices.ContainsFunc(p.notes, func(n int) bool { return p.Notes[n] == strings.TrimSpace(first.Reason) }) {
			continue
		}
		name := p.cellsText(same)
		if first.Run != "" {
			name = first.Run + ": " + name
		}
		if first.Measurement != "" {
			name = first.Measurement + " at " + name
		}
		reason := cut(first.Reason, most)
		b.lines = append(b.lines, fmt.Sprintf("%s: %s: %s", first.State, name, dash(reason[0])))
		for _, l := range reason[1:] {
			b.lines = append(b.lines, "  | "+l)
		}
	}
	if len(b.lines) == 0 {
		return block{}
	}
	return b
}

// problemGroups is the problems that differ in nothing but the cell.
func (r *Report) problemGroups() [][]Problem {
	var groups [][]Problem
	for _, q := range r.Problems {
		i := slices.IndexFunc(groups, func(g []Problem) bool {
			o := g[0]
			return o.State == q.State && o.Run == q.Run && o.Measurement == q.Measurement && o.Reason == q.Reason
		})
		if i < 0 {
			groups = append(groups, []Problem{q})
		} else {
			groups[i] = append(groups[i], q)
		}
	}
	return groups
}

// cellsText names cells: "backend=ipvs services=10,100" when they are all
// combinations of these values, else one by one.
func (r *Report) cellsText(ps []Problem) string {
	var keys []string
	values := map[string][]string{}
	var names []string
	for _, q := range ps {
		labels := q.labels
		if r.repeats() {
			labels = append(slices.Clone(labels), results.Label{Key: "repeat", Value: strconv.Itoa(q.repeat)})
		}
		for _, l := range labels {
			keys = union(keys, []string{l.Key})
			values[l.Key] = union(values[l.Key], []string{l.Value})
		}
		names = append(names, labelText(labels))
	}
	combinations := 1
	for _, k := range keys {
		combinations *= len(values[k])
	}
	if combinations != len(ps) {
		return strings.Join(names, ", ")
	}
	var ss []string
	for _, k := range keys {
		ss = append(ss, k+"="+strings.Join(values[k], ","))
	}
	return strings.Join(ss, " ")
}

// repeats tells whether some cell was run more than once.
func (r *Report) repeats() bool {
	return slices.ContainsFunc(r.Runs, func(run *results.Run) bool {
		return slices.ContainsFunc(run.Meta.Cells, func(c results.CellMeta) bool { return c.Repeat > 0 })
	})
}
