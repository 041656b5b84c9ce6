package measure

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/asking"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// DuringSync is what clients of a Service see while the rules of the node are changed
// that do not concern it. Questions are asked through its VIP at a fixed rate, of three
// kinds at once: each over a TCP connection of its own, each as a UDP flow of its own,
// and over one TCP connection that stays open. Three phases are told apart:
//
//   - before: nobody changes anything;
//   - full: the backend syncs the whole state again, over itself;
//   - partial: an endpoint of another Service is taken out and put back.
//
// A question is of a phase when it was on its way while one of the phase's syncs was
// made. Its time is that from when it was due, not from when it could be sent, to its
// answer: whoever could not ask because the machine was busy has waited, too. One that has no answer within
// effectivePatience is lost and counts as slower than all others; one that an endpoint
// of another Service answers is misdirected.
//
// In the virtual clock there is one processor. There the client and the endpoints go
// before whoever syncs, under SCHED_FIFO: what a question waits for is what the kernel
// lets nobody interrupt, such as a lock or a long system call, and not that the sync
// takes the processor.
type DuringSync struct{}

var _ Measurement = DuringSync{}

const (
	// duringInterval is the time between two questions of a kind.
	duringInterval = 2 * time.Millisecond
	// duringEnough is how many questions of a kind should be due in a phase. Syncs are
	// repeated for it, and the most of them is what ends a phase whose syncs are shorter
	// than the time between two questions.
	duringEnough                        = 100
	duringLeast, mostFull, mostPartials = 2, 20, 80
	// duringRest is the time between two syncs, in which what the one before left to the
	// background is done.
	duringRest = 20 * time.Millisecond
)

// Units implements Measurement.
func (DuringSync) Units(clock lab.Clock) []results.Unit {
	var units []results.Unit
	for _, name := range []string{"p50-" + clock.TimeUnit(), "p99-" + clock.TimeUnit(), "max-" + clock.TimeUnit(), "lost/op", "misdirected/op"} {
		units = append(units, results.Unit{Name: name, Better: results.Lower, Exact: clock == lab.Virtual})
	}
	return units
}

// Measure implements Measurement.
func (DuringSync) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	if _, ok := c.Backend.(Dialed); ok {
		return fmt.Errorf("%w: clients of this backend dial endpoints, which no sync changes", ErrNotApplicable)
	}
	changed := ofSeveral(c.State, 0)
	asked := c.bystanders(changed)
	if len(asked) == 0 {
		return fmt.Errorf("%w: there is no Service to ask beside the one that changes", ErrNotApplicable)
	}
	if err := c.settleBackend(ctx); err != nil {
		return err
	}
	// A flow of before that was never translated keeps its port from those to come.
	lab.ForgetFlows()
	settle()
	var askers []asking.Asker
	for _, a := range asked {
		askers = append(askers, asking.Asker{Targets: []probe.Target{c.Target(a.port)}, Open: a.kind == "open", Interval: duringInterval, Patience: effectivePatience})
	}
	// The one processor of the virtual clock is theirs whenever they have something to do.
	loops, err := c.Topology.Ask(ctx, c.Clock == lab.Virtual, askers...)
	if err != nil {
		return err
	}
	spans, err := c.phases(ctx, changed)
	replies, endErr := loops.End()
	if err != nil {
		return err
	}
	if endErr != nil {
		return endErr
	}
	for i, a := range asked {
		for _, phase := range []string{phaseBefore, phaseFull, phasePartial} {
			if r, ok := c.duringResult(a, phase, spans, replies[i]); ok {
				record(r)
			}
		}
	}
	return nil
}

// bystander is a Service that is asked while others change.
type bystander struct {
	kind string
	port *backends.ServicePort
}

// bystanders are the last Services that answer, but for that at the index changed.
func (c *Cell) bystanders(changed int) (asked []bystander) {
	last := func(proto backends.Protocol) *backends.ServicePort {
		for i := len(c.State.Services) - 1; i >= 0; i-- {
			p := &c.State.Services[i]
			if i != changed && p.Protocol == proto && c.State.Node.Addr(p.Family()).IsValid() && len(used(c.State, p)) > 0 {
				return p
			}
		}
		return nil
	}
	if p := last(backends.TCP); p != nil {
		asked = append(asked, bystander{"new", p}, bystander{"open", p})
	}
	if p := last(backends.UDP); p != nil {
		asked = append(asked, bystander{"new", p})
	}
	return asked
}

// The phases of DuringSync.
const phaseBefore, phaseFull, phasePartial = "before", "full", "partial"

// span is when a phase's sync was made.
type span struct {
	phase    string
	from, to int64
}

// phases goes through the phases, and leaves the state as it was.
func (c *Cell) phases(ctx context.Context, changed int) (spans []span, err error) {
	from := lab.Now()
	time.Sleep(duringEnough * duringInterval)
	spans = append(spans, span{phaseBefore, from, lab.Now()})
	full, err := c.repeatSync(ctx, phaseFull, mostFull, func(int) error { return c.Backend.Sync(ctx, c.State) })
	if err != nil {
		return nil, err
	}
	spans = append(spans, full...)
	applier, ok := c.Backend.(backends.Applier)
	if !ok || changed < 0 {
		return spans, nil
	}
	// What was lost in one phase waits no longer when the next one begins.
	time.Sleep(effectivePatience)
	pair := changesOf(c.State, changed)[0]
	partial, err := c.repeatSync(ctx, phasePartial, mostPartials, func(i int) error { return applier.Apply(ctx, pair[i%len(pair)].delta) })
	return append(spans, partial...), err
}

// repeatSync makes syncs, an even number of them, until enough questions were due
// meanwhile.
func (c *Cell) repeatSync(ctx context.Context, phase string, most int, sync func(i int) error) (spans []span, err error) {
	took := int64(0)
	for i := 0; i < most; i++ {
		if i >= duringLeast && i%2 == 0 && took >= duringEnough*int64(duringInterval) {
			break
		}
		if c.Step != nil {
			c.Step(fmt.Sprintf("duringSync: %s, %d", phase, i+1))
		}
		if err := c.readyFor(ctx, phase); err != nil {
			return nil, err
		}
		// Not at the same distance from a question each time.
		time.Sleep(duringRest + duringInterval*time.Duration(i*7%10)/10)
		start, done, err := c.around(func() error { return sync(i) })
		if err != nil {
			return nil, fmt.Errorf("%s sync %d: %w", phase, i+1, err)
		}
		spans = append(spans, span{phase, start.clock, done.clock})
		took += done.clock - start.clock
	}
	return spans, nil
}

// readyFor has a program get ready for its next sync: for a full one it starts anew, for
// a partial one it has had its rest.
func (c *Cell) readyFor(ctx context.Context, phase string) error {
	if p, ok := c.Backend.(backends.Preparer); ok && phase == phaseFull {
		return p.Prepare(ctx, c.State)
	}
	if s, ok := c.Backend.(backends.Settler); ok && phase == phasePartial {
		_, err := s.Settle(ctx)
		return err
	}
	return nil
}

// duringResult is what became of the questions of a phase; there may have been none.
func (c *Cell) duringResult(b bystander, phase string, spans []span, replies []asking.Reply) (results.Result, bool) {
	var l probe.Latencies
	wrong := 0
	own := c.own(b.port)
	outcome := func(r asking.Reply) results.Outcome {
		if slices.ContainsFunc(own, func(e backends.Endpoint) bool { return e.Addr == r.Endpoint }) {
			return results.Answered
		}
		return results.Misdirected
	}
	for _, r := range replies {
		if !slices.ContainsFunc(spans, func(s span) bool { return s.phase == phase && r.Due < s.to && r.At > s.from }) {
			continue
		}
		if r.Lost {
			l.Lost++
			continue
		}
		if outcome(r) == results.Misdirected {
			wrong++
		}
		l.Costs = append(l.Costs, r.At-r.Due)
	}
	s := spreadOf(l, effectivePatience)
	if s.N == 0 {
		return results.Result{}, false
	}
	r := c.result("DuringSync", s.N,
		results.Label{Key: "protocol", Value: strings.ToLower(string(b.port.Protocol))},
		results.Label{Key: "kind", Value: b.kind}, results.Label{Key: "phase", Value: phase})
	unit := c.Clock.TimeUnit()
	r.Histogram = c.histogram(l)
	from, to := window(spans, phase)
	r.Timeline = c.timeline(replies, marks(spans, phase), spans[0].from, from, to, outcome)
	r.Samples = []results.Sample{
		{Value: float64(s.Median), Unit: "p50-" + unit}, {Value: float64(s.P99), Unit: "p99-" + unit}, {Value: float64(s.Max), Unit: "max-" + unit},
		{Value: float64(s.Lost) / float64(s.N), Unit: "lost/op"}, {Value: float64(wrong) / float64(s.N), Unit: "misdirected/op"},
	}
	return r, true
}
