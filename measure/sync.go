package measure

import (
	"context"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
)

// Sync is the cost of one full sync from empty, around the whole of it: the
// backend's own work, the programs that it starts and the kernel's.
//
// In the wall clock it is the time that passed. In the virtual clock it is the
// instructions that were executed, and waiting (an RCU grace period, say),
// which costs time but no work, stands beside it as wait.
type Sync struct{}

var _ Measurement = Sync{}

// waitUnit is idle time in nanoseconds of the guest's timers.
func waitUnit() results.Unit {
	return results.Unit{Name: "wait-ns/op", Better: results.Lower, Exact: true}
}

// Units implements Measurement.
func (Sync) Units(clock lab.Clock) []results.Unit {
	units := []results.Unit{timeUnit(clock, "")}
	if clock == lab.Virtual {
		units = append(units, waitUnit())
	}
	return units
}

// Measure implements Measurement.
func (Sync) Measure(_ context.Context, c *Cell, record func(results.Result)) error {
	r := c.result("Sync", 1)
	p := &c.programmed
	r.Samples = []results.Sample{{Value: float64(p.Elapsed - p.Idle), Unit: timeUnit(c.Clock, "").Name}}
	if c.Clock == lab.Virtual {
		r.Samples = append(r.Samples, results.Sample{Value: float64(p.Idle), Unit: waitUnit().Name})
	}
	record(r)
	return nil
}
