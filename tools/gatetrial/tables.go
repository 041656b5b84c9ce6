package main

import (
	"cmp"
	"fmt"
	"io"
	"log"
	"maps"
	"math"
	"slices"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/report/compare"
	"github.com/svcmark/svcmark/results"
)

// closePolicy is for who wants to see one percent of a sync: by default no more than a
// percent is found, and nothing below a million instructions.
const closePolicy = `apiVersion: svcmark/v1
kind: Policy
limits:
- {measurement: Sync, limit: 0.5%}
`

// tables count what the gate says, by the limits.
type tables struct {
	clock lab.Clock
	all   []*table
	order []injection
	// floors are the noise floors that were found before runs, by the figure.
	floors          map[string][]float64
	runs, disturbed int
	taken           map[*results.Run]bool // those that are in the three above
	shared          bool                  // comparisons have sides in common: no interval counts them
}

// table is the counts by one policy's limits.
type table struct {
	title  string
	policy compare.Policy
	rows   map[string]*tally
}

// tally counts the comparisons with one injection.
type tally struct {
	outcomes map[compare.Outcome]int
	found    int // in which the figure that was made worse is called worse
	n        int
	changes  []float64 // of what was made worse, or of the sync
}

func newTables(clock lab.Clock) *tables {
	t := &tables{clock: clock, order: append([]injection{nothing}, injections(clock)...), floors: map[string][]float64{}, taken: map[*results.Run]bool{}}
	add := func(title string, p compare.Policy) {
		t.all = append(t.all, &table{title, p, map[string]*tally{}})
	}
	virtual := clock == lab.Virtual
	add("limits by default", compare.DefaultPolicy(virtual))
	if virtual {
		p, err := compare.ParsePolicy("the close policy", []byte(closePolicy), virtual)
		if err != nil {
			panic(err) // it is written above
		}
		add("Sync: limit 0.5%", p)
	}
	return t
}

// judge counts a comparison.
func (t *tables) judge(x injection, old, now *results.Run) error {
	t.take(old)
	t.take(now)
	for _, one := range t.all {
		c, err := compare.Of(compare.NewSide("old", old, ""), compare.NewSide("new", now, ""), one.policy)
		if err != nil {
			return err
		}
		row := one.rows[x.name]
		if row == nil {
			row = &tally{outcomes: map[compare.Outcome]int{}}
			one.rows[x.name] = row
		}
		row.n++
		row.outcomes[c.Outcome()]++
		change, verdict := told(c, x)
		row.changes = append(row.changes, change)
		if verdict == compare.Worse {
			row.found++
		}
		log.Printf("%s, %s, %d: %s; %s", x.title, one.title, row.n, changeText(x, change), c.Summary())
	}
	return nil
}

// told is by how much what an injection makes worse has changed, and what it is called:
// of a rule the shift of first packets in instructions, else the share of the sync.
func told(c *compare.Comparison, x injection) (float64, compare.Verdict) {
	if x.rule {
		for _, s := range c.Shifts {
			if s.Measurement == "FirstPacket" {
				return s.Center, s.Verdict
			}
		}
		return math.NaN(), compare.Unknown
	}
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Judged && r.Measurement == "Sync" {
			return r.Change, r.Verdict
		}
	}
	return math.NaN(), compare.Unknown
}

// take notes what a run says of its machine, once.
func (t *tables) take(run *results.Run) {
	if t.taken[run] {
		return
	}
	t.taken[run] = true
	t.runs++
	if slices.ContainsFunc(run.Meta.Machines, func(m results.Machine) bool { return len(m.Warnings) > 0 }) {
		t.disturbed++
	}
	for _, c := range run.Meta.Calibrations {
		for _, f := range c.Floors {
			if slices.ContainsFunc(run.Units, func(u results.Unit) bool { return u.Name == f.Unit && u.Better != results.Neither }) {
				name := f.Measurement + " " + f.Unit
				t.floors[name] = append(t.floors[name], f.Share)
			}
		}
	}
}

// print writes the tables as Markdown.
func (t *tables) print(out io.Writer) error {
	for _, one := range t.all {
		heading := " [95 %]"
		if t.shared {
			heading = ""
		}
		if _, err := fmt.Fprintf(out, "\n| %s clock, %s: what differs | comparisons | pass | inconclusive | regression | called worse%s | change, median and range |\n| --- | --- | --- | --- | --- | --- | --- |\n", t.clock, one.title, heading); err != nil {
			return err
		}
		for _, x := range t.order {
			row := one.rows[x.name]
			if row == nil {
				continue
			}
			k := row.found
			if x == nothing {
				k = row.outcomes[compare.Regression]
			}
			worse := fmt.Sprintf("%d of %d", k, row.n)
			if lo, hi := proportion(k, row.n); !t.shared {
				worse += fmt.Sprintf(" [%.1f, %.1f]", 100*lo, 100*hi)
			}
			slices.Sort(row.changes)
			if _, err := fmt.Fprintf(out, "| %s | %d | %d | %d | %d | %s | %s (%s to %s) |\n", x.title, row.n, row.outcomes[compare.Pass],
				row.outcomes[compare.Undecided], row.outcomes[compare.Regression], worse,
				changeText(x, row.changes[len(row.changes)/2]), changeText(x, row.changes[0]), changeText(x, row.changes[len(row.changes)-1])); err != nil {
				return err
			}
		}
	}
	if t.clock != lab.Wall {
		return nil
	}
	if _, err := fmt.Fprintf(out, "\n| noise floor, %% (%d runs, %d on a machine with warnings) | least | median | largest |\n| --- | --- | --- | --- |\n", t.runs, t.disturbed); err != nil {
		return err
	}
	for _, name := range slices.SortedFunc(maps.Keys(t.floors), cmp.Compare[string]) {
		shares := slices.Sorted(slices.Values(t.floors[name]))
		if _, err := fmt.Fprintf(out, "| %s | %.1f | %.1f | %.1f |\n", name, 100*shares[0], 100*shares[len(shares)/2], 100*shares[len(shares)-1]); err != nil {
			return err
		}
	}
	return nil
}

func changeText(x injection, change float64) string {
	if x.rule {
		return fmt.Sprintf("%+.0f instructions", change)
	}
	return fmt.Sprintf("%+.2f %%", 100*change)
}
