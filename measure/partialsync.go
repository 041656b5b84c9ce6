package measure

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// PartialSync is the cost of one change in a dataplane that serves the whole
// state: the last endpoint of the last TCP Service that has several, or the whole of
// that Service, is taken out and put back, and its port is changed and changed back, so
// that each change meets the same state. It is the time of Backend's Apply, the programs that it starts and the
// kernel included; what a backend puts off (backends.Settler) is done between
// the changes and not in the figure. After each change packets must find what
// the new state says.
//
// The value is the median of partialRounds changes, the minimum beside it.
type PartialSync struct{}

var _ Measurement = PartialSync{}

// partialRounds is how often each change is made.
const partialRounds = 3

// Units implements Measurement.
func (PartialSync) Units(clock lab.Clock) []results.Unit {
	units := []results.Unit{timeUnit(clock, ""), timeUnit(clock, "min-")}
	if clock == lab.Virtual {
		units = append(units, waitUnit())
	}
	return units
}

// change is one of the changes.
type change struct {
	name  string
	delta *backends.Delta
	gone  []backends.Endpoint // that must not answer any more
	left  netip.AddrPort      // a VIP that must not answer any more; the zero value for none
}

// Measure implements Measurement.
func (PartialSync) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	applier, ok := c.Backend.(backends.Applier)
	if !ok {
		return fmt.Errorf("%w: this backend knows full syncs only", ErrNotApplicable)
	}
	at := ofSeveral(c.State, 0)
	if at < 0 {
		return fmt.Errorf("%w: no TCP Service has two endpoints", ErrNotApplicable)
	}
	if err := c.settleBackend(ctx); err != nil { // of the full sync
		return err
	}
	pairs := changesOf(c.State, at)
	// Before the Service goes, for the reason that changesOf has.
	pairs = slices.Insert(pairs, len(pairs)-1, portChanges(c.State, at))
	for _, pair := range pairs {
		costs, waits := make([][]int64, len(pair)), make([][]int64, len(pair))
		for round := range partialRounds {
			for i, ch := range pair {
				c.step("partialSync: %s, %d of %d", ch.name, round+1, partialRounds)
				cost, wait, err := c.change(ctx, applier, ch, at)
				if err != nil {
					return fmt.Errorf("%s, %d of %d: %w", ch.name, round+1, partialRounds, err)
				}
				costs[i], waits[i] = append(costs[i], cost), append(waits[i], wait)
			}
		}
		for i, ch := range pair {
			record(c.changeResult(ch, costs[i], waits[i]))
		}
	}
	return nil
}

// change makes a change, proves it, and lets the backend settle.
func (c *Cell) change(ctx context.Context, a backends.Applier, ch change, at int) (cost, wait int64, err error) {
	if cost, wait, err = c.apply(ctx, a, ch.delta); err != nil {
		return 0, 0, err
	}
	if err := c.proveChange(ch, &c.State.Services[at]); err != nil {
		return 0, 0, err
	}
	return cost, wait, c.settleBackend(ctx)
}

func (c *Cell) changeResult(ch change, costs, waits []int64) results.Result {
	r := c.result("PartialSync", len(costs), results.Label{Key: "change", Value: ch.name})
	cost := spreadOf(probe.Latencies{Costs: costs}, c.Timeout)
	r.Samples = []results.Sample{
		{Value: float64(cost.Median), Unit: timeUnit(c.Clock, "").Name},
		{Value: float64(cost.Min), Unit: timeUnit(c.Clock, "min-").Name},
	}
	if c.Clock == lab.Virtual {
		wait := spreadOf(probe.Latencies{Costs: waits}, c.Timeout)
		r.Samples = append(r.Samples, results.Sample{Value: float64(wait.Median), Unit: waitUnit().Name})
	}
	return r
}

// ofSeveral is the last TCP ServicePort that stays served when it loses an endpoint, or
// the one that is so many of them before it; -1 for none.
func ofSeveral(state *backends.State, before int) int {
	for i := len(state.Services) - 1; i >= 0; i-- {
		p := &state.Services[i]
		if p.Protocol == backends.TCP && len(p.Reachable(&state.Node).Cluster) > 1 && len(p.Endpoints) > 1 {
			if before == 0 {
				return i
			}
			before--
		}
	}
	return -1
}

// changesOf are the changes around the ServicePort at index at, in pairs of which the
// second leads back to the state itself. The endpoint's come first: kube-proxy's mode
// ipvs forgets none of the real servers of a Service that went, and once the
// Service is back does not take out those that it remembers
// (pkg/proxy/ipvs/graceful_termination.go).
func changesOf(state *backends.State, at int) [][]change {
	p := &state.Services[at]
	without := &backends.State{Node: state.Node, Services: slices.Delete(slices.Clone(state.Services), at, at+1)}
	fewer := &backends.State{Node: state.Node, Services: slices.Clone(state.Services)}
	fewer.Services[at].Endpoints = p.Endpoints[:len(p.Endpoints)-1]
	return [][]change{
		{
			{name: "removeEndpoint", delta: backends.Diff(state, fewer), gone: p.Endpoints[len(p.Endpoints)-1:]},
			{name: "addEndpoint", delta: backends.Diff(fewer, state)},
		},
		{
			{name: "removeService", delta: backends.Diff(state, without), gone: p.Endpoints},
			{name: "addService", delta: backends.Diff(without, state)},
		},
	}
}

// portChanges give the ServicePort at index at another port, and its own back.
func portChanges(state *backends.State, at int) []change {
	p := &state.Services[at]
	taken := func(port uint16) bool {
		return slices.ContainsFunc(state.Services, func(s backends.ServicePort) bool { return s.ClusterIP == p.ClusterIP && s.Port == port })
	}
	moved := &backends.State{Node: state.Node, Services: slices.Clone(state.Services)}
	m := &moved.Services[at]
	for m.Port = max(1, m.Port+1); taken(m.Port); {
		m.Port = max(1, m.Port+1) // the last one's successor is 0, which is none
	}
	return []change{
		{name: "changeService", delta: backends.Diff(state, moved), left: p.VIP()},
		{name: "changeServiceBack", delta: backends.Diff(moved, state), left: m.VIP()},
	}
}

// apply times one change; wait is the part in which the machine did nothing,
// virtual clock only.
func (c *Cell) apply(ctx context.Context, a backends.Applier, delta *backends.Delta) (cost, wait int64, err error) {
	settle()
	took, err := c.cost(func() error { return a.Apply(ctx, delta) })
	return took.work, took.wait, err
}

// proveChange asks through the VIP who answers now.
func (c *Cell) proveChange(ch change, p *backends.ServicePort) error {
	const asks = 4 // of three endpoints that are asked at random each is met with 80 %
	left, vip := ch.left, p.VIP()
	if len(ch.gone) == len(p.Endpoints) {
		left, vip = vip, netip.AddrPort{}
	} else if now := ch.delta.Changes[0].New; now != nil {
		vip = now.VIP()
	}
	return c.Topology.Client.Do(func() error {
		if left.IsValid() {
			if a, err := probe.Ask(p.Protocol, left, shortTimeout); err == nil {
				return fmt.Errorf("wrong dataplane: %s still answers at %s, where Service %s is not any more", a.Endpoint, left, p)
			}
		}
		if !vip.IsValid() {
			return nil
		}
		for range asks {
			a, err := probe.Ask(p.Protocol, vip, c.Timeout)
			if err != nil {
				return fmt.Errorf("wrong dataplane: Service %s does not answer: %w", p, err)
			}
			answers := func(e backends.Endpoint) bool { return e.Addr == a.Endpoint }
			if slices.ContainsFunc(ch.gone, answers) || !slices.ContainsFunc(p.Endpoints, answers) {
				return fmt.Errorf("wrong dataplane: %s answers for Service %s and is none of its endpoints", a.Endpoint, p)
			}
		}
		return nil
	})
}

// shortTimeout is for what should not answer.
const shortTimeout = 200 * time.Millisecond

// settleBackend has a backend do what it puts off.
func (c *Cell) settleBackend(ctx context.Context) error {
	s, ok := c.Backend.(backends.Settler)
	if !ok {
		return nil
	}
	const tries = 5 // kube-proxy's shortest delay is a second
	for range tries {
		waiting, err := s.Settle(ctx)
		if err != nil || waiting == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(600 * time.Millisecond):
		}
	}
	return nil // connections may keep what is left for longer
}
