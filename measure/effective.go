package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// TimeToEffective is how long a change takes to be true for packets. While the change
// is made, new TCP connections are opened through the VIP of the Service at a fixed
// rate, whatever becomes of those before, and each says which endpoint it reached:
//
//   - effective is the time from the change (its send, where it is sent to a program)
//     to when the first connection was opened that an endpoint that came has answered;
//     where endpoints or the whole Service went, to when the last was opened that one
//     of them has answered, 0 for none;
//   - complete is the time until the backend, or its program, says that it is done;
//   - reported and programming are the program's own figures, where it has such: the
//     duration of the syncs that the change has led to, and the time from the change to
//     the end of the sync as the program has it (network programming latency);
//   - lost are the connections after the change that nobody has answered within
//     effectivePatience, of a Service that has endpoints before and after.
//
// All times are those that passed, in the virtual clock too: there instructions and
// waiting add up, and effective has the resolution of the rate. The changes are
// PartialSync's, and each value is the median of effectiveRounds of them.
type TimeToEffective struct{}

var _ Measurement = TimeToEffective{}

const (
	effectiveRounds = 3
	// effectivePatience is how long a connection may take. A packet that is lost is
	// sent again after a second, and then counts; one processor that is busy with the
	// change may let an answer wait for nearly as long.
	effectivePatience = 900 * time.Millisecond
	// effectiveAfter is for how long connections go on when the backend is done.
	effectiveAfter = 200 * time.Millisecond
	// effectiveBefore is how many find the Service as it was.
	effectiveBefore = 5
)

// effectiveInterval is the time between two connections. Each takes a hundredth to a
// tenth of a millisecond of work, which must not be what is measured.
func effectiveInterval(clock lab.Clock) time.Duration {
	if clock == lab.Virtual {
		return 5 * time.Millisecond
	}
	return time.Millisecond
}

// Units implements Measurement.
func (TimeToEffective) Units(clock lab.Clock) []results.Unit {
	var units []results.Unit
	for _, name := range []string{"effective-ns", "complete-ns", "reported-ns", "programming-ns", "lost"} {
		units = append(units, results.Unit{Name: name, Better: results.Lower, Exact: clock == lab.Virtual})
	}
	return units
}

// Measure implements Measurement.
func (TimeToEffective) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	applier, ok := c.Backend.(backends.Applier)
	if !ok {
		return fmt.Errorf("%w: this backend knows full syncs only", ErrNotApplicable)
	}
	// Not PartialSync's: what kube-proxy's mode ipvs remembers of a Service that went
	// and came back makes the next change of it another one (see changesOf).
	at := ofSeveral(c.State, 1)
	if at < 0 {
		return fmt.Errorf("%w: there are no two TCP Services with two endpoints", ErrNotApplicable)
	}
	if err := c.settleBackend(ctx); err != nil {
		return err
	}
	for _, pair := range changesOf(c.State, at) {
		seen := make([][]effect, len(pair))
		for round := range effectiveRounds {
			for i, ch := range pair {
				c.step("timeToEffective: %s, %d of %d", ch.name, round+1, effectiveRounds)
				e, err := c.effect(ctx, applier, ch, at)
				if err != nil {
					return fmt.Errorf("%s, %d of %d: %w", ch.name, round+1, effectiveRounds, err)
				}
				seen[i] = append(seen[i], e)
				if err := c.settleBackend(ctx); err != nil {
					return err
				}
			}
		}
		for i, ch := range pair {
			record(c.effectResult(ch, seen[i]))
		}
	}
	return nil
}

// effect is what was seen of one change; times are in nanoseconds from it.
type effect struct {
	effective, complete int64
	reported            *backends.SelfReport
	lost                int
}

func (c *Cell) effectResult(ch change, seen []effect) results.Result {
	median := func(of func(effect) float64) float64 {
		var values []float64
		for _, e := range seen {
			values = append(values, of(e))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	r := c.result("TimeToEffective", len(seen), results.Label{Key: "change", Value: ch.name})
	add := func(unit string, of func(effect) float64) {
		r.Samples = append(r.Samples, results.Sample{Value: median(of), Unit: unit})
	}
	add("effective-ns", func(e effect) float64 { return float64(e.effective) })
	add("complete-ns", func(e effect) float64 { return float64(e.complete) })
	if seen[0].reported != nil {
		add("reported-ns", func(e effect) float64 { return e.reported.Syncing * 1e9 })
		if seen[0].reported.Changes > 0 {
			add("programming-ns", func(e effect) float64 { return e.reported.Programming / float64(max(1, e.reported.Changes)) * 1e9 })
		}
	}
	add("lost", func(e effect) float64 { return float64(e.lost) })
	return r
}

// effect makes a change in the middle of a stream of connections.
func (c *Cell) effect(ctx context.Context, a backends.Applier, ch change, at int) (e effect, err error) {
	before, err := c.selfReport(ctx)
	if err != nil {
		return e, err
	}
	settle()
	w := newEffectWatch(&c.State.Services[at])
	ended := make(chan error, 1)
	go func() {
		ended <- c.Topology.Client.Do(func() error {
			s := probe.Stream{
				Target: c.Target(&c.State.Services[at]), Now: lab.Now,
				Interval: effectiveInterval(c.Clock), Patience: effectivePatience,
			}
			return s.Run(w.reply)
		})
	}()
	select {
	case <-w.warm:
	case err := <-ended:
		return e, errors.Join(err, errors.New("the connections ended before the change"))
	}
	start, complete, err := c.around(func() error { return a.Apply(ctx, ch.delta) })
	time.Sleep(effectiveAfter)
	w.stop()
	if err = errors.Join(err, <-ended); err != nil {
		return e, err
	}
	if e, err = w.effect(ch, start.clock, complete.clock-start.clock); err != nil {
		return e, err
	}
	if before != nil {
		after, err := c.selfReport(ctx)
		if err != nil {
			return e, err
		}
		said := after.Since(*before)
		e.reported = &said
	}
	return e, nil
}
