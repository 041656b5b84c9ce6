package compare

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// mostAnnotations is how many of a kind GitHub shows of one step.
// https://docs.github.com/en/rest/checks/runs
const mostAnnotations = 10

// annotation is what is wrong with one measurement of one backend, all points together.
type annotation struct {
	error       bool // else a warning
	title, text string
	points      int
}

// Annotate writes workflow commands that GitHub shows beside a change: an error for
// what is a regression, a warning for what is inconclusive, one for all points of a
// measurement and a backend, no more than are shown.
func (c *Comparison) Annotate(out io.Writer) error {
	all := c.annotations()
	// The gravest first: of those that are too many only the number is told.
	slices.SortStableFunc(all, func(a, b annotation) int { return cmp.Compare(b.points, a.points) })
	for _, kind := range []struct {
		command string
		error   bool
	}{{"error", true}, {"warning", false}} {
		var these []annotation
		for _, a := range all {
			if a.error == kind.error {
				these = append(these, a)
			}
		}
		if n := len(these); n > mostAnnotations {
			these = append(these[:mostAnnotations-1], annotation{title: "svcmark gate", text: fmt.Sprintf("and %d more measurements", n-mostAnnotations+1)})
		}
		for _, a := range these {
			if _, err := fmt.Fprintf(out, "::%s title=%s::%s\n", kind.command, property(a.title), message(a.text)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Comparison) annotations() []annotation {
	var all []annotation
	for _, b := range c.Broken {
		all = append(all, annotation{true, "A cell fails", b.Cell + ": " + firstLine(b.Reason), len(c.Rows)})
	}
	type group struct {
		title string
		error bool
	}
	rows := map[group][]*Row{}
	judged := map[string]int{}
	var order []group
	for i := range c.Rows {
		r := &c.Rows[i]
		if !r.Judged {
			continue
		}
		g := group{r.Measurement + " of " + valueOf(r.Labels, backendLabel), r.Verdict == Worse || r.Verdict == Lost}
		judged[g.title]++
		if !g.error && r.Verdict != Inconclusive {
			continue
		}
		if rows[g] == nil {
			order = append(order, g)
		}
		rows[g] = append(rows[g], r)
	}
	for _, g := range order {
		most := slices.MaxFunc(rows[g], func(a, b *Row) int { return cmp.Compare(a.Change, b.Change) })
		all = append(all, annotation{g.error, g.title, fmt.Sprintf("%d of %d figures; at %s %s, was %s: %s, %s", len(rows[g]), judged[g.title],
			textOf(without(most.Labels, backendLabel)), figure(most, most.New, most.NewSummary.Center), figure(most, most.Old, most.OldSummary.Center), most.change(), most.told()), len(rows[g])})
	}
	for _, s := range c.Shifts {
		if s.Verdict == Worse || s.Verdict == Inconclusive {
			all = append(all, annotation{s.Verdict == Worse, s.Measurement + " of " + s.Backend, fmt.Sprintf("every operation costs %+.0f instructions, over %d points", s.Center, s.Points), s.Points})
		}
	}
	for _, g := range c.Growths {
		if g.Verdict == Worse {
			all = append(all, annotation{true, "Growth of " + g.Name, fmt.Sprintf("%s, at the largest size %s", told(g.Verdict, g.Reason), percent(g.Change)), 1})
		}
	}
	return all
}

// message escapes the text of a workflow command, property one of its properties, as
// the runner undoes it (actions/runner, ActionCommand).
func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
