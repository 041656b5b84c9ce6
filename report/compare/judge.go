package compare

import (
	"fmt"
	"math"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// Verdict is what has become of a figure.
type Verdict string

// The verdicts.
const (
	Same         Verdict = "same"
	Better       Verdict = "better"
	Worse        Verdict = "worse"
	Changed      Verdict = "changed" // of what is neither better nor worse
	Inconclusive Verdict = "inconclusive"
	Lost         Verdict = "lost" // the new side has none
	New          Verdict = "new"  // the old side has none
	Unknown      Verdict = "–"    // neither has one, or both sides' cells have failed
)

// alpha is the probability of a false alarm among all comparisons of one judgement, of
// which half are called better.
const alpha = 0.02

// Row is a pair with what became of it.
type Row struct {
	*Pair
	OldSummary, NewSummary stats.Summary // where there are values
	Change                 float64       // of the centres, as a share of the old; infinite from 0
	Ratio                  stats.Summary // of noisy figures: the change with its interval
	P                      float64       // adjusted for the number of comparisons; NaN for exact figures
	Judged                 bool          // it counts for the gate
	Verdict                Verdict
	Reason                 string // of what is inconclusive, lost or failed
}

// rows judges every pair. Noisy ones are judged together: the more there are, the
// clearer each must be.
func rows(all []*Pair, p Policy) []Row {
	var rs []Row
	var noisy []int
	var ps []float64
	for _, x := range all {
		r := Row{Pair: x, P: math.NaN()}
		var rule Rule
		rule, r.Judged = p.rule(x)
		r.summarise()
		if !r.present() {
			rs = append(rs, r)
			continue
		}
		if r.exact() {
			r.judgeExact(rule)
		} else {
			r.P, r.Ratio = stats.RankSum(x.Old.Values, x.New.Values), stats.Ratio(x.Old.Values, x.New.Values)
			if r.Judged {
				noisy = append(noisy, len(rs))
				ps = append(ps, r.P)
			}
		}
		rs = append(rs, r)
	}
	for i, adjusted := range stats.Holm(ps) {
		rs[noisy[i]].P = adjusted
	}
	for i := range rs {
		if r := &rs[i]; r.Verdict == "" {
			rule, _ := p.rule(r.Pair)
			r.judgeNoisy(rule)
		}
	}
	return rs
}

// present says whether both sides have values; else it gives the verdict.
func (r *Row) present() bool {
	old, now := len(r.Old.Values) > 0, len(r.New.Values) > 0
	switch {
	case old && now:
		return true
	case old:
		r.Verdict, r.Reason = Lost, "the new side has no such figure"
		if r.New.Failed != "" {
			r.Reason = "its cell has failed: " + r.New.Failed
		}
	case now:
		r.Verdict, r.Reason = New, "the old side has no such figure"
		if r.Old.Failed != "" {
			r.Reason = "the old side's cell has failed: " + r.Old.Failed
		}
	default:
		r.Verdict = Unknown
	}
	return false
}

func (r *Row) exact() bool { return r.Unit.Exact }

func (r *Row) summarise() {
	of := stats.Median
	if r.exact() {
		of = stats.Exact
	}
	if len(r.Old.Values) > 0 {
		r.OldSummary = of(r.Old.Values)
	}
	if len(r.New.Values) > 0 {
		r.NewSummary = of(r.New.Values)
	}
	old, now := r.OldSummary.Center, r.NewSummary.Center
	if len(r.Old.Values) > 0 && len(r.New.Values) > 0 && old != now {
		r.Change = (now - old) / math.Abs(old) // infinite from 0
	}
}

// beyond says whether the difference is larger than a rule lets it be.
func (r *Row) beyond(rule Rule) bool {
	return math.Abs(r.Change) > rule.Limit && math.Abs(r.NewSummary.Center-r.OldSummary.Center) > rule.Least
}

// judgeExact takes a difference as it is.
func (r *Row) judgeExact(rule Rule) {
	switch {
	case !r.beyond(rule):
		r.Verdict = Same
	default:
		r.Verdict = r.direction()
	}
}

// direction is the verdict on a difference that counts.
func (r *Row) direction() Verdict {
	switch {
	case r.Unit.Better == results.Neither:
		return Changed
	case (r.Change < 0) == (r.Unit.Better == results.Lower):
		return Better
	}
	return Worse
}

// judgeNoisy wants a difference that chance does not explain, that is larger than the
// limit, larger than what the repetitions of either side differ by themselves, and larger
// than what either side's machine shows where nothing differs. What
// cannot be larger than the limit is the same; all else cannot be told.
func (r *Row) judgeNoisy(rule Rule) {
	o, n := r.OldSummary, r.NewSummary
	switch {
	case r.Old.equals(r.New):
		r.Verdict = Same
	case o.Warning != "" || n.Warning != "":
		r.Verdict, r.Reason = Inconclusive, o.Warning
		if o.Warning == "" {
			r.Reason = n.Warning
		}
	case r.P < alpha && r.beyond(rule) && math.Abs(r.Change) > max(halfWidth(o), halfWidth(n), r.Floor):
		r.Verdict = r.direction()
	case r.within(rule):
		r.Verdict = Same
	default:
		r.Verdict = Inconclusive
		r.Reason = fmt.Sprintf("the change is between %+.1f %% and %+.1f %%", 100*r.Ratio.Lo, 100*r.Ratio.Hi)
		if r.Ratio.Warning != "" {
			r.Reason = r.Ratio.Warning
		} else if math.Abs(r.Change) <= r.Floor {
			r.Reason += fmt.Sprintf(", and the machine shows %.1f %% where nothing differs", 100*r.Floor)
		}
	}
}

// equals says whether two sides have the very same values.
func (f Figure) equals(g Figure) bool {
	if len(f.Values) != len(g.Values) {
		return false
	}
	for i := range f.Values {
		if f.Values[i] != g.Values[i] {
			return false
		}
	}
	return true
}

// halfWidth is what a side's median may be off by, as a share of it.
func halfWidth(s stats.Summary) float64 {
	if s.Center == 0 {
		return 0
	}
	return math.Max(s.Hi-s.Center, s.Center-s.Lo) / math.Abs(s.Center)
}

// within says whether the change cannot be larger than a rule lets it be.
func (r *Row) within(rule Rule) bool {
	if r.Ratio.Warning == "" && math.Max(math.Abs(r.Ratio.Lo), math.Abs(r.Ratio.Hi)) <= rule.Limit {
		return true
	}
	o, n := r.OldSummary, r.NewSummary
	return n.Hi-o.Lo <= rule.Least && o.Hi-n.Lo <= rule.Least
}
