package measure

import (
	"context"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
)

// Sync is the time of one full sync from empty, around the whole of it: the
// backend's own work, the programs that it starts and the kernel's. wait is
// the part of it in which none of them ran, such as an RCU grace period: in
// the virtual clock an idle nanosecond passes like an executed instruction.
type Sync struct{}

var _ Measurement = Sync{}

// Units implements Measurement.
func (Sync) Units(clock lab.Clock) []results.Unit {
	return []results.Unit{timeUnit(clock, ""), timeUnit(clock, "wait-")}
}

// Measure implements Measurement.
func (Sync) Measure(_ context.Context, c *Cell, record func(results.Result)) error {
	r := c.result("Sync", 1)
	p := &c.programmed
	wait := max(0, p.Elapsed-p.CPU.user-p.CPU.system)
	r.Samples = []results.Sample{
		{Value: float64(p.Elapsed), Unit: timeUnit(c.Clock, "").Name},
		{Value: float64(wait), Unit: timeUnit(c.Clock, "wait-").Name},
	}
	record(r)
	return nil
}
