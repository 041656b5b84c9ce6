package measure

import (
	"context"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// CPUAtRate is how much of one core requests take that come at Traffic.Rate, over
// connections of their own and over open ones, through random TCP Services.
//
// In the virtual clock it is what the node executes, all of it, as a share of a core of
// 10⁹ instructions a second; insns/op is the same per request. In the wall clock it
// is the processor time of the client, of the endpoints' servers and of the backend's
// programs, which holds what the kernel does for packets while one of them runs; a
// kernel that accounts interrupts apart (CONFIG_IRQ_TIME_ACCOUNTING) takes softirq out
// of it. The machine's softirq time stands beside it, and the machine's time in all
// modes, in which both are, and which others' work is in as well.
type CPUAtRate struct{}

var (
	_ Measurement = CPUAtRate{}
	_ Controlled  = CPUAtRate{}
)

// Units implements Measurement.
func (CPUAtRate) Units(clock lab.Clock) []results.Unit {
	var units []results.Unit
	names := []string{"cores", "direct-cores", "softirq-cores", "machine-cores"}
	if clock == lab.Virtual {
		names = []string{"cores", "direct-cores", "insns/op"}
	}
	for _, name := range names {
		units = append(units, results.Unit{Name: name, Better: results.Lower, Exact: clock == lab.Virtual})
	}
	return append(units, lostUnit(clock))
}

// Control implements Controlled.
func (CPUAtRate) Control(ctx context.Context, c *Cell) error {
	return c.controlLoad(ctx, "CPUAtRate", c.openLoop)
}

// Measure implements Measurement.
func (CPUAtRate) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	return c.throughServices(ctx, "CPUAtRate", func(key loadKey, targets []probe.Target) error {
		l, err := c.openLoop(targets, key.connection)
		if err != nil {
			return err
		}
		cores := func(m loadMeters) float64 {
			if c.Clock == lab.Virtual {
				return m.per(m.busy())
			}
			return m.per(m.processes)
		}
		r := c.loadResult(key, l.spread.N)
		r.Samples = []results.Sample{
			{Value: cores(l.meters), Unit: "cores"},
			{Value: cores(c.loads[key].meters), Unit: "direct-cores"},
		}
		if c.Clock == lab.Virtual {
			r.Samples = append(r.Samples, results.Sample{Value: l.cost(), Unit: "insns/op"})
		} else {
			r.Samples = append(r.Samples,
				results.Sample{Value: l.meters.per(l.meters.softirq), Unit: "softirq-cores"},
				results.Sample{Value: l.meters.per(l.meters.machine), Unit: "machine-cores"})
		}
		r.Samples = append(r.Samples, results.Sample{Value: float64(l.spread.Lost) / float64(l.spread.N), Unit: "lost/op"})
		record(r)
		return nil
	})
}
