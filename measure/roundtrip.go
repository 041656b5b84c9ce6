package measure

import (
	"context"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// RoundTrip is the cost of a request of 64 bytes and its reply over a flow that
// is already established, through the VIP of the last Service. What a
// dataplane does per packet, and not per flow, shows here.
type RoundTrip struct{}

var (
	_ Measurement = RoundTrip{}
	_ Controlled  = RoundTrip{}
)

// Units implements Measurement.
func (RoundTrip) Units(clock lab.Clock) []results.Unit { return latencyUnits(clock) }

// Control implements Controlled.
func (RoundTrip) Control(ctx context.Context, c *Cell) error {
	return c.control(ctx, "RoundTrip", c.roundTrips)
}

// Measure implements Measurement.
func (RoundTrip) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	return c.positions(ctx, "RoundTrip", []Position{Last}, c.roundTrips, record)
}

func (c *Cell) roundTrips(targets []probe.Target) (probe.Latencies, error) {
	return c.timer().RoundTrip(targets[0], len(targets))
}
