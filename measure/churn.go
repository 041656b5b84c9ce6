package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/asking"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// Churn is what clients see, and how far a dataplane falls behind, while endpoints
// change at a rate. Changes are due at fixed times, whatever becomes of those before;
// those that are due when the backend is ready for the next are one Delta, as in a
// proxy that is behind. Meanwhile new TCP connections are opened at Traffic.Rate to the
// Services that change, as many as ask within ChurnPlan.Duration:
//
//   - failed/op is the share that nobody has answered within effectivePatience;
//   - stale/op is the share that an endpoint answered whose removal was due before the
//     question was, but whose Apply had not returned: the dataplane's lag, as clients see it;
//   - misdirected/op is the share that what is no endpoint answered, or one whose removal's
//     Apply had returned before the question was due: 0 for every right dataplane;
//   - lag-ns is the median time from when a change was due to when its Apply returned,
//     max-lag-ns the longest;
//   - inconsistent is the share of the time in which any change was due and not made;
//   - max-waiting are the most changes that went into one Apply.
//
// Then one UDP flow, from one port, goes on after its endpoint was removed
// (case=udp-stale): stale/op is the share of its later requests that the removed
// endpoint answers, failed/op of those that nobody does.
//
// In the virtual clock the client goes before the changes on the one processor, as it
// does in DuringSync.
type Churn struct{}

var _ Measurement = Churn{}

// ChurnPlan is how endpoints change.
type ChurnPlan struct {
	Rate     int           // changes a second
	Duration time.Duration // of the changes
	Kind     string        // ChurnRolling or ChurnFlapping
}

// Kinds of churn.
const (
	ChurnRolling  = "rolling"  // each change replaces an endpoint by one with an address that nobody had
	ChurnFlapping = "flapping" // an endpoint goes, and comes back with the Service's next change
)

// churned is how many Services change, in turn.
const churned = 4

// Units implements Measurement.
func (Churn) Units(clock lab.Clock) []results.Unit {
	var units []results.Unit
	for _, name := range []string{"failed/op", "misdirected/op", "stale/op", "lag-" + clock.TimeUnit(), "max-lag-" + clock.TimeUnit(), "inconsistent", "max-waiting"} {
		units = append(units, results.Unit{Name: name, Better: results.Lower, Exact: clock == lab.Virtual})
	}
	return units
}

// Measure implements Measurement.
func (Churn) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	applier, ok := c.Backend.(backends.Applier)
	if !ok {
		return fmt.Errorf("%w: this backend knows full syncs only", ErrNotApplicable)
	}
	var at []int
	for len(at) < churned {
		i := churnable(c.State, len(at))
		if i < 0 {
			break
		}
		at = append(at, i)
	}
	if len(at) == 0 {
		return fmt.Errorf("%w: no TCP Service has two endpoints that serve", ErrNotApplicable)
	}
	if err := c.settleBackend(ctx); err != nil {
		return err
	}
	c.step("churn: %s, %d changes a second for %s", c.Churn.Kind, c.Churn.Rate, c.Churn.Duration)
	r, err := c.churn(ctx, applier, at)
	if err != nil {
		return err
	}
	record(r)
	c.step("churn: a UDP flow whose endpoint goes")
	r, err = c.churnUDP(ctx, applier)
	if err != nil || r.N == 0 {
		return err
	}
	record(r)
	return nil
}

// churnable is the last TCP ServicePort of several endpoints that all serve pods, or
// the one that is so many of them before it; -1 for none.
func churnable(state *backends.State, before int) int {
	for i := len(state.Services) - 1; i >= 0; i-- {
		p := &state.Services[i]
		if p.Protocol == backends.TCP && p.ClusterIP.IsValid() && len(p.Endpoints) > 1 && len(p.Reachable(&state.Node).Cluster) == len(p.Endpoints) {
			if before == 0 {
				return i
			}
			before--
		}
	}
	return -1
}

// churn makes the changes while connections are opened.
func (c *Cell) churn(ctx context.Context, a backends.Applier, at []int) (r results.Result, err error) {
	run, err := newChurnRun(c.State, c.Churn, at)
	if err != nil {
		return r, err
	}
	asker := asking.Asker{Interval: time.Second / time.Duration(c.Traffic.Rate), Patience: effectivePatience}
	for _, i := range at {
		asker.Targets = append(asker.Targets, c.Target(&c.State.Services[i]))
	}
	lab.ForgetFlows()
	settle()
	// The one processor of the virtual clock is theirs whenever they have something to do.
	asked, err := c.Topology.Ask(ctx, c.Clock == lab.Virtual, asker)
	if err != nil {
		return r, err
	}
	var applies []results.SyncMark
	err = run.apply(ctx, func(d *backends.Delta) (int64, error) {
		start, complete, err := c.around(func() error { return a.Apply(ctx, d) })
		applies = append(applies, results.SyncMark{Name: phasePartial, From: start.clock, To: complete.clock})
		return complete.clock, err
	})
	time.Sleep(time.Duration(run.start) + c.Churn.Duration - time.Duration(lab.Now()))
	all, endErr := asked.End()
	if err = errors.Join(err, endErr); err != nil {
		return r, err
	}
	replies := slices.DeleteFunc(all[0], func(q asking.Reply) bool { return q.Due < run.start || q.Due >= run.start+int64(c.Churn.Duration) })
	if err := a.Apply(ctx, run.back()); err != nil {
		return r, fmt.Errorf("going back to the state: %w", err)
	}
	lab.ForgetFlows()
	seen := run.judge(replies)
	share := func(n int) float64 { return float64(n) / float64(len(replies)) }
	lags := run.lags()
	r = c.result("Churn", len(replies), results.Label{Key: "kind", Value: c.Churn.Kind})
	r.Samples = []results.Sample{
		{Value: share(seen.failed), Unit: "failed/op"},
		{Value: share(seen.misdirected), Unit: "misdirected/op"},
		{Value: share(seen.stale), Unit: "stale/op"},
		{Value: float64(lags[len(lags)/2]), Unit: "lag-" + c.Clock.TimeUnit()},
		{Value: float64(lags[len(lags)-1]), Unit: "max-lag-" + c.Clock.TimeUnit()},
		{Value: run.inconsistent(), Unit: "inconsistent"},
		{Value: float64(run.waiting), Unit: "max-waiting"},
	}
	r.Timeline = c.timeline(replies, applies, run.start, run.start, run.start+int64(c.Churn.Duration), run.outcome)
	return r, c.settleBackend(ctx)
}

// churnUDP takes the endpoint of a UDP flow away; N is 0 where there is no Service for it.
func (c *Cell) churnUDP(ctx context.Context, a backends.Applier) (r results.Result, err error) {
	const asks = 20
	at := slices.IndexFunc(c.State.Services, func(p backends.ServicePort) bool {
		return p.Protocol == backends.UDP && p.ClusterIP.IsValid() && len(p.Endpoints) > 1 && len(p.Reachable(&c.State.Node).Cluster) == len(p.Endpoints)
	})
	if at < 0 {
		return r, nil
	}
	p := &c.State.Services[at]
	var flow *probe.Flow
	if err := c.Topology.Client.Do(func() (err error) {
		flow, err = probe.OpenFlow(backends.UDP, c.Target(p).Addr, shortTimeout)
		return err
	}); err != nil {
		return r, err
	}
	defer flow.Close()
	first, err := flow.Ask()
	if err != nil {
		return r, fmt.Errorf("before its endpoint was removed: %w", err)
	}
	without := &backends.State{Node: c.State.Node, Services: slices.Clone(c.State.Services)}
	without.Services[at].Endpoints = slices.DeleteFunc(slices.Clone(p.Endpoints), func(e backends.Endpoint) bool { return e.Addr == first.Endpoint })
	if err := a.Apply(ctx, backends.Diff(c.State, without)); err != nil {
		return r, err
	}
	stale, failed := 0, 0
	for range asks {
		switch answer, err := flow.Ask(); {
		case err != nil:
			failed++
		case answer.Endpoint == first.Endpoint:
			stale++
		}
	}
	if err := a.Apply(ctx, backends.Diff(without, c.State)); err != nil {
		return r, err
	}
	r = c.result("Churn", asks, results.Label{Key: "case", Value: "udp-stale"})
	r.Samples = []results.Sample{
		{Value: float64(failed) / asks, Unit: "failed/op"},
		{Value: float64(stale) / asks, Unit: "stale/op"},
	}
	return r, c.settleBackend(ctx)
}
