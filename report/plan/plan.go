// Package plan answers what a run says of capacity: at how many Services each backend
// reaches a limit, where one becomes cheaper than another, and what to do about it. It
// knows how far its answers reach: what lies beyond the sizes that were measured is the
// trend's, whose errors were tested by foretelling the largest sizes from smaller ones.
package plan

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/results"
)

// Options say what is asked.
type Options struct {
	Limits      []Limit         // Defaults when there are none
	At          []results.Label // of the figures; where it does not say, the report's headline
	Extrapolate bool            // look further than Reach times the largest size
	Control     string          // the backend without Services, which no advice names
}

const (
	// Reach is how many times the largest measured size answers reach to.
	Reach = 4
	// farReach is the same with Options.Extrapolate.
	farReach = 100
)

// Plan is the answer.
type Plan struct {
	Runs []*results.Run
	// Cluster is how many Services the cluster has that the runs hold once or several
	// times over, such as an imported one; 0 when there is none.
	Cluster   int
	Answers   []Answer
	Crossings []Crossing
	Advice    []string
	Notes     []string
}

// Answer is what a limit gives, for one combination of labels.
type Answer struct {
	Limit Limit
	Unit  results.Unit
	Value float64 // the limit, in the unit
	At    []results.Label
	Rows  []Row
}

// State says where a limit is reached.
type State string

// The states of a Row.
const (
	Within    State = "measured"     // between two sizes that were measured
	Beyond    State = "extrapolated" // above the largest of them
	Already   State = "already"      // at the smallest one
	NotWithin State = "not reached"  // up to Row.Reach
	Unknown   State = "unknown"      // above the largest measured size, and Row.Reason says why
)

// Row is one backend's.
type Row struct {
	Backend string
	State   State
	// Services is at how many the limit is reached, in [Lo, Hi]. Lo is also there when
	// the limit is not reached but may be from Lo on; Hi is infinite where the interval
	// does not end within reach. NaN where there is none.
	Services, Lo, Hi float64
	Largest          float64 // the largest size that was measured
	Value            float64 // what was measured there
	// Reach is the largest size that was looked at, and ValueAt, Lower and Upper what is
	// foretold there, where there is a trend.
	Reach, ValueAt, Lower, Upper float64
	Trend                        string  // the model, "" without one
	Foretold                     float64 // the test of the largest size: its error, as a share
	From, To                     float64 // and from which size it was foretold, and which
	Reason                       string
}

// Of makes the plan of runs. More than one are one run in parts: they must have the same
// fingerprint, but for scenario and seed.
func Of(o Options, runs ...*results.Run) (*Plan, error) {
	merged, err := merge(runs)
	if err != nil {
		return nil, err
	}
	r, err := report.Build(merged)
	if err != nil {
		return nil, err
	}
	p := &Plan{Runs: runs, Cluster: clusterOf(runs)}
	limits, byDefault := o.Limits, len(o.Limits) == 0
	if byDefault {
		limits = Defaults(merged.Meta.Fingerprint.Clock == "virtual")
	}
	for _, l := range limits {
		t, err := l.table(r)
		if errors.Is(err, errAbsent) && byDefault {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := p.answer(o, l, t); err != nil {
			return nil, err
		}
	}
	if len(p.Answers) == 0 {
		return nil, fmt.Errorf("the run has no sync and no time to effective, which limits by default are of: say --limit, of %v", measured(r))
	}
	p.cross(o, r)
	p.advise(o)
	p.note(merged, byDefault)
	return p, nil
}

// merge puts runs together that differ in their scenarios alone.
func merge(runs []*results.Run) (*results.Run, error) {
	if len(runs) == 0 {
		return nil, errors.New("a plan needs a run")
	}
	all := *runs[0]
	all.Results, all.Meta.Cells = slices.Clone(all.Results), slices.Clone(all.Meta.Cells)
	for _, run := range runs[1:] {
		for _, d := range results.Diff(all.Meta.Fingerprint, run.Meta.Fingerprint) {
			if d.Field != "scenario" && d.Field != "seed" {
				return nil, fmt.Errorf("%s and %s differ in %s (%s, %s): their figures make no curve together", all.Dir, run.Dir, d.Field, d.A, d.B)
			}
		}
		for _, u := range run.Units {
			if !slices.ContainsFunc(all.Units, func(have results.Unit) bool { return have.Name == u.Name }) {
				all.Units = append(all.Units, u)
			}
		}
		all.Results = append(all.Results, run.Results...)
		all.Meta.Cells = append(all.Meta.Cells, run.Meta.Cells...)
	}
	return &all, nil
}

// answer adds an answer for each combination of labels that is asked for.
func (p *Plan) answer(o Options, l Limit, t *report.Table) error {
	value, err := l.value(t.Unit)
	if err != nil {
		return err
	}
	all, err := asked(o, t)
	if err != nil {
		return fmt.Errorf("limit %s: %w", l, err)
	}
	var a *Answer
	for _, s := range all {
		if a == nil || !slices.Equal(a.At, s.group) {
			i := slices.IndexFunc(p.Answers, func(have Answer) bool { return have.Limit == l && slices.Equal(have.At, s.group) })
			if i < 0 {
				i = len(p.Answers)
				p.Answers = append(p.Answers, Answer{Limit: l, Unit: t.Unit, Value: value, At: s.group})
			}
			a = &p.Answers[i]
		}
		a.Rows = append(a.Rows, s.row(value, o.Extrapolate))
	}
	return nil
}

// asked are the table's series at the labels that are asked for.
func asked(o Options, t *report.Table) ([]*series, error) {
	want := t.Headline()
	for _, l := range o.At {
		want = slices.DeleteFunc(want, func(w results.Label) bool { return w.Key == l.Key })
		if slices.Contains(t.Keys, l.Key) && l.Value != "all" {
			want = append(want, l)
		}
	}
	all := slices.DeleteFunc(seriesOf(t), func(s *series) bool {
		return slices.ContainsFunc(want, func(w results.Label) bool { return !slices.Contains(s.group, w) })
	})
	if len(all) == 0 {
		return nil, fmt.Errorf("the run has no figures at %v", want)
	}
	return all, nil
}

// row is where one backend reaches a limit.
func (s *series) row(limit float64, extrapolate bool) Row {
	reach := Reach * s.last().X
	if extrapolate {
		reach = farReach * s.last().X
	}
	r := Row{
		Backend: s.backend, Largest: s.last().X, Value: s.invert(s.last().Y), Reach: reach,
		Services: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), ValueAt: math.NaN(), Lower: math.NaN(), Upper: math.NaN(),
	}
	limit = s.invert(limit)
	if s.err == nil {
		r.Trend = s.model()
		last := s.trend.Foretold[len(s.trend.Foretold)-1]
		r.Foretold, r.From, r.To = last.Error, last.From, last.X
		y, lo, hi := s.at(reach)
		if s.inverse {
			lo, hi = hi, lo
		}
		r.ValueAt, r.Lower, r.Upper = s.invert(y), s.invert(lo), s.invert(hi)
	}
	r.Services = s.reaches(limit, reach, centre)
	r.Lo = s.reaches(limit, reach, upper)
	switch {
	case r.Services == s.first().X:
		r.State = Already
	case r.Services <= s.last().X:
		r.State = Within
	case r.Services > s.last().X:
		r.State = Beyond
	case s.err != nil:
		r.State, r.Reason = Unknown, s.err.Error()
	default:
		r.State = NotWithin
	}
	if !math.IsNaN(r.Services) {
		if r.Hi = s.reaches(limit, reach, lower); math.IsNaN(r.Hi) {
			r.Hi = math.Inf(1)
		}
	}
	if s.vague && r.Services <= s.last().X {
		r.Lo, r.Hi = math.NaN(), math.NaN()
	}
	return r
}

// model names the trend's: "O(n²)", or the exponent where it is one's own.
func (s *series) model() string { return s.trend.Name() }
