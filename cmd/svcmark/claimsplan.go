package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/svcmark/svcmark/claims"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/scenarios"
)

// claimsPlan says what will be run, and how long the rest of it takes.
type claimsPlan struct {
	out     io.Writer
	names   []string
	cells   []int
	efforts []time.Duration // one core's, of a machine that has nothing else to do
	cores   int             // 0 where no time is known: repetitions in the wall clock
	left    time.Duration   // effort of what has not ended
	// What has ended was foretold, and took.
	foretold, took time.Duration
}

func newClaimsPlan(out io.Writer, needed []claims.Scenario, all []*scenarios.Scenario, f *claimsFlags) *claimsPlan {
	p := &claimsPlan{out: out}
	if f.run.lab.lab == "vm" && f.run.lab.clock != "wall" {
		p.cores = f.run.parallel
		if p.cores <= 0 {
			p.cores = cellsAtATime(lab.Virtual)
		}
	}
	for i, n := range needed {
		effort := n.Effort
		if f.quick {
			effort = n.QuickEffort
		}
		p.names, p.cells, p.efforts = append(p.names, n.Name), append(p.cells, len(all[i].Points())), append(p.efforts, effort)
		p.left += effort
	}
	return p
}

// wall is how long an effort takes, as far as what has ended tells.
func (p *claimsPlan) wall(effort time.Duration) string {
	d := effort / time.Duration(p.cores)
	if p.foretold > 0 {
		d = time.Duration(float64(effort) * float64(p.took) / float64(p.foretold))
	}
	if d < 90*time.Second {
		return fmt.Sprintf("%d s", int(d.Seconds()+0.5))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
}

// print prints what is to come.
func (p *claimsPlan) print() {
	if len(p.names) == 0 {
		return
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for i, name := range p.names {
		fmt.Fprintf(w, "  %s\tcells: %d", name, p.cells[i])
		if p.cores > 0 {
			fmt.Fprintf(w, "\tabout %s", p.wall(p.efforts[i]))
		}
		fmt.Fprintln(w)
	}
	if p.cores > 0 {
		fmt.Fprintf(p.out, "Plan: about %s with %d cells at a time, on a machine that has nothing else to do\n", p.wall(p.left), p.cores)
	} else {
		fmt.Fprintln(p.out, "Plan:")
	}
	_ = w.Flush() // of progress
}

// ended takes the end of a scenario.
func (p *claimsPlan) ended(i int, took time.Duration) {
	p.left -= p.efforts[i]
	if took > time.Second { // and was not there already
		p.foretold += p.efforts[i]
		p.took += took
	}
	fmt.Fprintf(p.out, "%s: %s", p.names[i], took.Round(time.Second))
	if p.cores > 0 && p.left > 0 {
		fmt.Fprintf(p.out, "; about %s for what is left", p.wall(p.left))
	}
	fmt.Fprintln(p.out)
}
