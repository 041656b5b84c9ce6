package compare

import (
	"fmt"

	"github.com/svcmark/svcmark/report/stats"
)

// controlUnit is the companion in which a packet measurement has the lab's own cost.
const controlUnit = "direct-insns/op"

// Shift is by how many instructions a packet measurement of one backend has become
// dearer over all its points together, beyond what the lab itself has. One point differs
// by tens of instructions between two builds that do the same, up or down, as their
// phases have it; all of a backend's points together do not. So a single rule more that
// every packet passes, which costs some 26 and is far below a percent of any figure,
// shows here: their centre and its interval are those of stats.Symmetric, since old and
// new in each other's place only change a difference's sign. Points that differ by
// more are left out: those at random positions, and SCTP's, whose first packets differ
// by up to thousands.
type Shift struct {
	Measurement string
	Backend     string
	Points      int
	stats.Summary
	Verdict Verdict
	Reason  string
}

// shifts are those of the virtual clock, in the order of the pairs.
func shifts(all []*Pair, limit float64) []Shift {
	type group struct{ measurement, backend string }
	values, controls := map[string]*Pair{}, map[string]*Pair{}
	var order []string
	for _, p := range all {
		key := p.Measurement + "\x00" + textOf(p.Labels)
		switch {
		case valueOf(p.Labels, "position") == "random" || valueOf(p.Labels, "protocol") == "sctp":
		case len(p.Old.Values) == 0 || len(p.New.Values) == 0:
		case p.Unit.Name == controlUnit:
			controls[key] = p
		case p.Primary && p.Unit.Name == "insns/op":
			values[key] = p
			order = append(order, key)
		}
	}
	var groups []group
	differences := map[group][]float64{}
	for _, key := range order {
		c := controls[key]
		if c == nil {
			continue
		}
		p := values[key]
		g := group{p.Measurement, valueOf(p.Labels, backendLabel)}
		if differences[g] == nil {
			groups = append(groups, g)
		}
		own := func(f func(*Pair) Figure) float64 {
			return stats.Exact(f(p).Values).Center - stats.Exact(f(c).Values).Center
		}
		differences[g] = append(differences[g], own(func(p *Pair) Figure { return p.New })-own(func(p *Pair) Figure { return p.Old }))
	}
	var found []Shift
	for _, g := range groups {
		s := Shift{Measurement: g.measurement, Backend: g.backend, Points: len(differences[g]), Summary: stats.Symmetric(differences[g])}
		s.judge(limit)
		found = append(found, s)
	}
	return found
}

// judge wants the whole interval beyond the limit. Where all points have moved by the
// same there is nothing to doubt, however few they are.
func (s *Shift) judge(limit float64) {
	switch {
	case s.Lo > limit:
		s.Verdict = Worse
	case s.Hi < -limit:
		s.Verdict = Better
	case s.Warning != "" && s.Center != 0:
		s.Verdict, s.Reason = Inconclusive, fmt.Sprintf("need >= 6 points for an interval, have %d", s.Points)
	default:
		s.Verdict = Same
	}
}
