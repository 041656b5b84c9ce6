// Package measure holds what svcmark measures, one measurement a file. It runs
// inside a lab, on the node, and hands results to its caller; which backends
// exist, which cells are run and where results end up is not its business.
package measure

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// Measurement takes figures of one kind from a cell. Its Measure is called
// once, after the cell's dataplane is programmed and proven correct.
type Measurement interface {
	// Units are the units of its samples under a clock.
	Units(clock lab.Clock) []results.Unit
	// Measure hands each result to record. ErrNotApplicable in the returned
	// error's chain makes the measurement an explicit n/a of this cell.
	Measure(ctx context.Context, cell *Cell, record func(results.Result)) error
}

// Controlled is a Measurement that also measures the lab without any Service,
// before the dataplane is programmed, so that the lab's own cost can be told
// from the dataplane's in the very same cell.
type Controlled interface {
	Control(ctx context.Context, cell *Cell) error
}

// ErrNotApplicable marks a measurement that a backend or a lab cannot give.
var ErrNotApplicable = errors.New("not applicable")

// Dialed is a Backend whose clients dial something else than the VIP: the
// control that programs nothing.
type Dialed interface {
	Target(p *backends.ServicePort) netip.AddrPort
}

// Cell is one point of a scenario's matrix while it is measured.
type Cell struct {
	Labels  []results.Label // its coordinates, backend first
	Backend backends.Backend
	// Fresh makes another Backend of the same kind, which knows nothing of this one.
	Fresh      func() (backends.Backend, error)
	State      *backends.State
	Topology   *lab.Topology
	Clock      lab.Clock
	Seed       uint64
	Operations int           // of a packet measurement, per position
	Timeout    time.Duration // of one operation
	Traffic    Traffic
	Churn      ChurnPlan
	// Step, if set, is told what begins within a long measurement: whoever
	// watches the cell sees that it lives.
	Step func(what string)

	programmed  Programming // what Program observed
	controls    map[controlKey]Spread
	directSlab  int64            // bytes of the kernel's slab that Conntrack's control took
	loads       map[loadKey]load // controls of load
	throughputs map[kind]float64
}

// controlKey is what a control is of.
type controlKey struct {
	measurement string
	kind        kind
}

// step tells what begins.
func (c *Cell) step(format string, args ...any) {
	if c.Step != nil {
		c.Step(fmt.Sprintf(format, args...))
	}
}

// Target is where clients dial a ServicePort.
func (c *Cell) Target(p *backends.ServicePort) probe.Target {
	t := probe.Target{Protocol: p.Protocol, Addr: p.VIP()}
	if d, ok := c.Backend.(Dialed); ok {
		t.Addr = d.Target(p)
	}
	return t
}

// timer times packets. In the virtual clock it rests between them, which costs
// no real time there.
func (c *Cell) timer() probe.Timer {
	t := probe.Timer{Now: lab.Now, Timeout: c.Timeout}
	if c.Clock == lab.Virtual {
		t.Pause = time.Millisecond
	}
	return t
}

// result starts a result of this cell with more labels.
func (c *Cell) result(measurement string, n int, more ...results.Label) results.Result {
	labels := append(append([]results.Label(nil), c.Labels...), more...)
	return results.Result{Measurement: measurement, Labels: labels, N: n}
}

// timeUnit is a unit of time or work under a clock: exact in the virtual one.
func timeUnit(clock lab.Clock, prefix string) results.Unit {
	return results.Unit{Name: prefix + clock.TimeUnit() + "/op", Better: results.Lower, Exact: clock == lab.Virtual}
}

// settle lets what earlier steps left to the background (RCU callbacks, work
// queues, the reader of our events) end before something is timed. In the
// virtual clock idle time costs nothing real.
func settle() { time.Sleep(100 * time.Millisecond) }
