package measure

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// Cleanup is the cost of a Backend's Cleanup, from the whole state to nothing, timed as
// Sync is. Afterwards no object of the backend may be left, as it counts them itself
// (Objects), and nobody may answer at the VIPs that are asked; either is an error. It
// is the last measurement of a cell.
type Cleanup struct{}

var (
	_ Measurement = Cleanup{}
	_ Final       = Cleanup{}
)

// Final is a Measurement after which there is nothing left to measure: a cell takes
// it last, wherever its scenario names it.
type Final interface{ Final() }

// Final implements the interface of that name.
func (Cleanup) Final() {}

// Units implements Measurement.
func (Cleanup) Units(clock lab.Clock) []results.Unit {
	units := []results.Unit{timeUnit(clock, ""), timeUnit(clock, "cpu-")}
	if clock == lab.Virtual {
		units = append(units, waitUnit())
	}
	return append(units, results.Unit{Name: "removed-objects", Better: results.Neither, Exact: true})
}

// Measure implements Measurement.
func (Cleanup) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	if _, ok := c.Backend.(Dialed); ok {
		return fmt.Errorf("%w: nothing was programmed", ErrNotApplicable)
	}
	if _, ok := c.Backend.(Judged); ok {
		return fmt.Errorf("%w: what this program leaves in the kernel is its own affair", ErrNotApplicable)
	}
	had, err := c.objects(ctx)
	if err != nil {
		return err
	}
	settle()
	cost, err := c.cost(func() error { return c.Backend.Cleanup(ctx) })
	if err != nil {
		return err
	}
	if err := c.proveEmpty(ctx); err != nil {
		return err
	}
	r := c.result("Cleanup", 1)
	r.Samples = []results.Sample{
		{Value: float64(cost.work), Unit: timeUnit(c.Clock, "").Name},
		{Value: float64(cost.cpu), Unit: timeUnit(c.Clock, "cpu-").Name},
	}
	if c.Clock == lab.Virtual {
		r.Samples = append(r.Samples, results.Sample{Value: float64(cost.wait), Unit: waitUnit().Name})
	}
	if had != nil {
		r.Samples = append(r.Samples, results.Sample{Value: float64(sum(had)), Unit: "removed-objects"})
	}
	record(r)
	return nil
}

// proveEmpty asks the kernel for objects of the backend, and some VIPs whether anybody
// answers.
func (c *Cell) proveEmpty(ctx context.Context) error {
	left, err := c.objects(ctx)
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(left)) {
		if n := left[kind]; n > 0 {
			return fmt.Errorf("wrong dataplane: %d %s are left", n, kind)
		}
	}
	var served []*backends.ServicePort
	for i := range c.State.Services {
		if s := &c.State.Services[i]; c.State.Node.Addr(s.Family()).IsValid() && len(c.own(s)) > 0 {
			served = append(served, s)
		}
	}
	return c.Topology.Client.Do(func() error {
		for _, s := range c.sample(served, silenceLimit, 0x656d707479) {
			if a, err := probe.Ask(s.Protocol, s.VIP(), min(shortTimeout, c.Timeout)); err == nil {
				return fmt.Errorf("wrong dataplane: %s still answers for Service %s, and nothing should be left", a.Endpoint, s)
			}
		}
		return nil
	})
}
