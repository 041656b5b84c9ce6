package measure

import (
	"context"
	"fmt"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
)

// Restart is the cost of the first full sync of a process that has just started, over
// what the one before it left in the kernel, which is what the state wants already. The
// Backend is a new value, which knows nothing; what ran for the old one is killed.
//
// It is timed as Sync is: what a backend does beforehand (backends.Preparer), such as the
// start of its program, is in no figure. Everything is proven by packets again before
// the next one. It is done restarts times:
//
//   - the first figure is the first restart's; again is the last one's, over what a
//     restart left: much more than the first tells of a backend that slows each time;
//   - cpu is the first one's processor time, as CPU has it;
//   - more-objects is how many kernel objects there are more after all restarts than
//     before them: a backend that leaves something behind at each sync has some.
type Restart struct{}

var _ Measurement = Restart{}

const restarts = 2

// Killed is a Backend that does not live in the kernel alone: something runs for it, or
// ends with its process.
type Killed interface {
	// Kill ends that as the end of the process would, and cleans nothing up. The Backend
	// is not used any more.
	Kill() error
}

// Units implements Measurement.
func (Restart) Units(clock lab.Clock) []results.Unit {
	units := []results.Unit{timeUnit(clock, ""), timeUnit(clock, "again-"), timeUnit(clock, "cpu-")}
	if clock == lab.Virtual {
		units = append(units, waitUnit())
	}
	return append(units, results.Unit{Name: "more-objects", Better: results.Lower, Exact: true})
}

// Measure implements Measurement.
func (Restart) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	if _, ok := c.Backend.(Dialed); ok || c.Fresh == nil {
		return fmt.Errorf("%w: there is nothing that could be restarted", ErrNotApplicable)
	}
	if _, ok := c.Backend.(Judged); ok {
		return fmt.Errorf("%w: packets tell when this program is done, and they find what its predecessor left", ErrNotApplicable)
	}
	if err := c.settleBackend(ctx); err != nil { // of what came before
		return err
	}
	had, err := c.objects(ctx)
	if err != nil {
		return err
	}
	var first, last syncCost
	for i := range restarts {
		c.step("restart: %d of %d", i+1, restarts)
		if last, err = c.restart(ctx); err != nil {
			return fmt.Errorf("restart %d of %d: %w", i+1, restarts, err)
		}
		if i == 0 {
			first = last
		}
	}
	r := c.result("Restart", 1)
	r.Samples = []results.Sample{
		{Value: float64(first.work), Unit: timeUnit(c.Clock, "").Name},
		{Value: float64(last.work), Unit: timeUnit(c.Clock, "again-").Name},
		{Value: float64(first.cpu), Unit: timeUnit(c.Clock, "cpu-").Name},
	}
	if c.Clock == lab.Virtual {
		r.Samples = append(r.Samples, results.Sample{Value: float64(first.wait), Unit: waitUnit().Name})
	}
	if had != nil {
		has, err := c.objects(ctx)
		if err != nil {
			return err
		}
		r.Samples = append(r.Samples, results.Sample{Value: float64(sum(has) - sum(had)), Unit: "more-objects"})
	}
	record(r)
	return nil
}

// restart puts a fresh Backend in the place of the cell's.
func (c *Cell) restart(ctx context.Context) (syncCost, error) {
	if k, ok := c.Backend.(Killed); ok {
		if err := k.Kill(); err != nil {
			return syncCost{}, fmt.Errorf("ending what runs: %w", err)
		}
	}
	b, err := c.Fresh()
	if err != nil {
		return syncCost{}, err
	}
	c.Backend = b
	if err := c.prepare(ctx); err != nil {
		return syncCost{}, err
	}
	settle()
	cost, err := c.cost(func() error { return c.Backend.Sync(ctx, c.State) })
	if err != nil {
		return syncCost{}, err
	}
	if err := c.Prove(ctx); err != nil {
		return syncCost{}, err
	}
	return cost, c.settleBackend(ctx)
}

// syncCost is what a call took, in the clock's unit.
type syncCost struct {
	work int64 // without waiting
	wait int64 // in which the machine did nothing; virtual clock only
	cpu  int64 // user and system
}

// cost takes it.
func (c *Cell) cost(call func() error) (syncCost, error) {
	before, after, err := c.around(call)
	wait := after.idle - before.idle
	return syncCost{
		work: after.clock - before.clock - wait, wait: wait,
		cpu: after.user - before.user + after.system - before.system,
	}, err
}
