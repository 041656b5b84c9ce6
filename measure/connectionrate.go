package measure

import (
	"context"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// ConnectionRate is how many requests a second TCP Services answer, and how late, when
// each takes a connection of its own (connect, request, reply, reset) and when
// connections stay open. The Services are random ones, in turn.
//
// The rate is that of a closed loop, in which Traffic.Clients requests are on their way
// at a time; in the virtual clock, which has one processor, its place is taken by the
// instructions of a request in a loop of one at a time, all that the node executes. The latencies are those of an
// open loop at Traffic.Rate, from when each request was due until its answer, also when
// it was sent late; they are times that passed, in the virtual clock too, and so is their
// histogram. lost/op is the share of the open loop's requests that nobody has answered.
type ConnectionRate struct{}

var (
	_ Measurement = ConnectionRate{}
	_ Controlled  = ConnectionRate{}
)

// rateUnit is that of the closed loop.
func rateUnit(clock lab.Clock, prefix string) results.Unit {
	if clock == lab.Virtual {
		return timeUnit(clock, prefix)
	}
	return results.Unit{Name: prefix + "requests/s", Better: results.Higher}
}

// endpointUnit is how much of a core the endpoints' servers take: with all of one they
// would be what is measured.
const endpointUnit = "endpoint-cores"

// Units implements Measurement.
func (ConnectionRate) Units(clock lab.Clock) []results.Unit {
	exact := clock == lab.Virtual
	units := []results.Unit{rateUnit(clock, ""), rateUnit(clock, "direct-")}
	for _, aspect := range []string{"", "p99-", "max-"} {
		units = append(units, results.Unit{Name: aspect + "latency-ns", Better: results.Lower, Exact: exact})
	}
	units = append(units, lostUnit(clock))
	if !exact {
		units = append(units, results.Unit{Name: endpointUnit, Better: results.Neither})
	}
	return units
}

// Control implements Controlled.
func (ConnectionRate) Control(ctx context.Context, c *Cell) error {
	return c.controlLoad(ctx, "ConnectionRate", c.closedLoop)
}

// Measure implements Measurement.
func (ConnectionRate) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	return c.throughServices(ctx, "ConnectionRate", func(key loadKey, targets []probe.Target) error {
		fast, err := c.closedLoop(targets, key.connection)
		if err != nil {
			return err
		}
		steady, err := c.openLoop(targets, key.connection)
		if err != nil {
			return err
		}
		value := func(l load) float64 {
			if c.Clock == lab.Virtual {
				return l.cost()
			}
			return l.rate()
		}
		r := c.loadResult(key, fast.spread.N)
		r.Histogram = steady.times
		r.Samples = []results.Sample{
			{Value: value(fast), Unit: rateUnit(c.Clock, "").Name},
			{Value: value(c.loads[key]), Unit: rateUnit(c.Clock, "direct-").Name},
			{Value: float64(steady.spread.Median), Unit: "latency-ns"},
			{Value: float64(steady.spread.P99), Unit: "p99-latency-ns"},
			{Value: float64(steady.spread.Max), Unit: "max-latency-ns"},
			{Value: float64(steady.spread.Lost) / float64(steady.spread.N), Unit: "lost/op"},
		}
		if c.Clock != lab.Virtual {
			r.Samples = append(r.Samples, results.Sample{Value: fast.meters.per(fast.meters.servers), Unit: endpointUnit})
		}
		record(r)
		return nil
	})
}
