package report

import (
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// Build reads runs into one Report. Runs of equal fingerprints are one run in
// parts and their results are put together; others are told apart by a label
// "run". Build fails only when there is nothing to read: failed cells and
// missing measurements are part of the report.
func Build(runs ...*results.Run) (*Report, error) {
	if len(runs) == 0 {
		return nil, errors.New("a report needs at least one run")
	}
	r := &Report{Runs: runs}
	names := runNames(runs)
	known := map[string]bool{}
	for i, run := range runs {
		for _, u := range run.Units {
			if !known[u.Name] {
				known[u.Name] = true
				r.units = append(r.units, u)
			}
		}
		for _, res := range run.Results {
			if names != nil {
				res.Labels = withRun(res.Labels, names[i])
			}
			r.results = append(r.results, res)
		}
	}
	b := builder{report: r, noteIndex: map[string]int{}}
	b.tables()
	for _, run := range runs {
		for _, c := range run.Meta.Cells {
			b.column(c.Labels)
		}
	}
	for i := range r.results {
		b.column(r.results[i].Labels)
	}
	for i, run := range runs {
		for _, c := range run.Meta.Cells {
			name := ""
			if names != nil {
				name = names[i]
				c.Labels = withRun(c.Labels, name)
			}
			b.cell(c, name)
		}
	}
	for i := range r.Tables {
		b.finish(&r.Tables[i], b.drafts[i])
	}
	return r, nil
}

// runNames gives each run a short name that the benchmark format can hold, nil
// when the runs need none.
func runNames(runs []*results.Run) []string {
	same := true
	for _, run := range runs[1:] {
		same = same && results.Diff(runs[0].Meta.Fingerprint, run.Meta.Fingerprint) == nil
	}
	if same {
		return nil
	}
	var names []string
	for i, run := range runs {
		name := strings.Map(func(r rune) rune {
			if strings.ContainsRune("-_.+", r) || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
				return r
			}
			return '_'
		}, filepath.Base(run.Dir))
		if slices.Contains(names, name) {
			name += "_" + strconv.Itoa(i+1)
		}
		names = append(names, name)
	}
	return names
}

// withRun puts the run's label after the backend's, which stands first.
func withRun(labels []results.Label, name string) []results.Label {
	return slices.Insert(slices.Clone(labels), min(1, len(labels)), results.Label{Key: runKey, Value: name})
}

// builder is the state of one Build.
type builder struct {
	report    *Report
	drafts    []*draft // parallel to report.Tables
	columns   []string // all backends, in the matrix's order
	noteIndex map[string]int
}

// tables makes a Table for each unit of each measurement and sorts the values
// into it.
func (b *builder) tables() {
	type key struct{ measurement, unit string }
	at := map[key]int{}
	for i := range b.report.results {
		res := &b.report.results[i]
		for _, s := range res.Samples {
			k := key{res.Measurement, s.Unit}
			n, ok := at[k]
			if !ok {
				n = len(b.drafts)
				at[k] = n
				b.drafts = append(b.drafts, &draft{index: map[string]*draftRow{}})
				b.report.Tables = append(b.report.Tables, Table{Measurement: res.Measurement, Unit: b.unit(s.Unit)})
			}
			c := b.drafts[n].at(res.Labels)
			c.values = append(c.values, s.Value)
		}
	}
	b.group()
}

// group puts the tables of a measurement beside each other and says how they
// relate.
func (b *builder) group() {
	var order []string
	for _, t := range b.report.Tables {
		if !slices.Contains(order, t.Measurement) {
			order = append(order, t.Measurement)
		}
	}
	var tables []Table
	var drafts []*draft
	for _, m := range order {
		first := len(tables)
		for i, t := range b.report.Tables {
			if t.Measurement == m {
				t.Primary = len(tables) == first
				tables = append(tables, t)
				drafts = append(drafts, b.drafts[i])
			}
		}
		for i := first; i < len(tables); i++ {
			tables[i].Companion = slices.ContainsFunc(tables[first:], func(t Table) bool {
				return refines(tables[i].Unit, t.Unit)
			})
		}
	}
	b.report.Tables, b.drafts = tables, drafts
}

// refines tells whether a unit is another's with an aspect, as p99-insns/op is
// of insns/op. Time and instructions are of one kind here: what an operation
// waits is time even when what it works is counted in instructions.
func refines(a, b results.Unit) bool {
	if strings.HasSuffix(a.Name, "-"+b.Name) {
		return true
	}
	p, q := quantityOf(a), quantityOf(b)
	return p.work() && q.work() && p.aspect != "" && q.aspect == "" && p.per == q.per
}

func (b *builder) column(labels []results.Label) {
	name := "" // of results that have no such label
	if i := slices.IndexFunc(labels, func(l results.Label) bool { return l.Key == Column }); i >= 0 {
		name = labels[i].Value
	}
	if !slices.Contains(b.columns, name) {
		b.columns = append(b.columns, name)
	}
}

func (b *builder) unit(name string) results.Unit {
	for _, u := range b.report.units {
		if u.Name == name {
			return u
		}
	}
	return results.Unit{Name: name}
}

// note is the index of a footnote.
func (b *builder) note(text string) int {
	n, ok := b.noteIndex[text]
	if !ok {
		n = len(b.report.Notes)
		b.noteIndex[text] = n
		b.report.Notes = append(b.report.Notes, text)
	}
	return n
}
