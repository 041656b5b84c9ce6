package compare

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// Comparison is what two sides say of each other.
type Comparison struct {
	Old, New Side
	Rows     []Row
	Shifts   []Shift
	Growths  []Growth
	Means    []Mean
	// Broken are cells that have failed on the new side and not on the old, with why.
	Broken []Broken
	// Differences are those of the fingerprints: what the figures belong to.
	Differences []results.Difference
	Notes       []string
}

// Broken is a cell that fails on the new side alone.
type Broken struct{ Cell, Reason string }

// ErrClocks is the answer to sides whose figures have nothing to do with each other.
var ErrClocks = errors.New("one side counts instructions of the virtual clock and the other one time of the wall clock, which do not compare")

// Of compares two sides.
func Of(old, now Side, p Policy) (*Comparison, error) {
	if old.Fingerprint().Clock != now.Fingerprint().Clock {
		return nil, ErrClocks
	}
	all := pairs(old, now)
	for _, s := range []Side{old, now} {
		if !slices.ContainsFunc(all, func(x *Pair) bool { return len(x.side(s, old).Values) > 0 }) {
			return nil, fmt.Errorf("%s has no figures", s.Name)
		}
	}
	c := &Comparison{Old: old, New: now, Rows: rows(all, p), Differences: results.Diff(old.Fingerprint(), now.Fingerprint())}
	if old.Virtual() {
		c.Shifts = shifts(all, p.Shift)
	}
	c.Growths = growths(c.Rows, p)
	c.Means = means(c.Rows)
	before := failures(old)
	for cell, reason := range failures(now) {
		if _, too := before[cell]; !too {
			c.Broken = append(c.Broken, Broken{cell, reason})
		}
	}
	slices.SortFunc(c.Broken, func(a, b Broken) int { return compareText(a.Cell, b.Cell) })
	c.Notes = append(p.unused(old.Virtual(), all), tooFew(c.Rows)...)
	for _, s := range []Side{old, now} {
		c.Notes = append(c.Notes, s.disturbances()...)
	}
	return c, nil
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// tooFew says when so few repetitions of so many figures can tell nothing.
func tooFew(rs []Row) []string {
	least, judged := 1.0, 0
	for i := range rs {
		if r := &rs[i]; r.Judged && !math.IsNaN(r.P) {
			judged++
			least = min(least, stats.LeastP(len(r.Old.Values), len(r.New.Values)))
		}
	}
	if judged == 0 || least*float64(judged) < alpha {
		return nil
	}
	n := 1
	for stats.LeastP(n, n)*float64(judged) >= alpha {
		n++
	}
	return []string{fmt.Sprintf("of %d noisy figures none can be told to be worse by so few repetitions: it takes %d of each side, run --repeat %d", judged, n, n)}
}

// side is a pair's figure of one of the two sides.
func (p *Pair) side(s, old Side) Figure {
	if s == old {
		return p.Old
	}
	return p.New
}

// Outcome is the verdict of a gate.
type Outcome string

// The outcomes.
const (
	Pass       Outcome = "pass"
	Regression Outcome = "regression"
	Undecided  Outcome = "inconclusive"
)

// Outcome is a regression when anything that is judged is worse or lost, or a cell has
// broken, whatever else is better; inconclusive when something could not be told; else a
// pass.
func (c *Comparison) Outcome() Outcome {
	found := map[Verdict]bool{}
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Judged {
			found[r.Verdict] = true
		}
	}
	for _, s := range c.Shifts {
		found[s.Verdict] = true
	}
	for _, g := range c.Growths {
		found[g.Verdict] = true
	}
	switch {
	case len(c.Broken) > 0 || found[Worse] || found[Lost]:
		return Regression
	case found[Inconclusive]:
		return Undecided
	}
	return Pass
}
