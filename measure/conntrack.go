package measure

import (
	"context"
	"fmt"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// Conntrack is what the node's kernel keeps of each TCP connection through a VIP:
// conntrackConnections of them are opened to random Services, asked once and held.
//
//   - entries and ipvs-entries are those that came to the tables of connection tracking
//     and of IPVS;
//   - sockets-B is the slab memory of a connection to an endpoint before anything was
//     programmed, both ends' sockets, of as many that followed as many others; entries-B is
//     what one through a VIP takes beyond it: the tables' entries, and a proxy's sockets;
//   - insert-failed are the entries that another one was in the way of.
type Conntrack struct{}

var (
	_ Measurement = Conntrack{}
	_ Controlled  = Conntrack{}
)

const conntrackConnections = 1000

// Units implements Measurement.
func (Conntrack) Units(clock lab.Clock) []results.Unit {
	exact := clock == lab.Virtual
	return []results.Unit{
		{Name: "entries/conn", Better: results.Lower, Exact: true},
		{Name: "ipvs-entries/conn", Better: results.Lower, Exact: true},
		{Name: "entries-B/conn", Better: results.Lower, Exact: exact},
		{Name: "sockets-B/conn", Better: results.Lower, Exact: exact},
		{Name: "insert-failed/conn", Better: results.Lower, Exact: exact},
	}
}

// Control implements Controlled.
func (Conntrack) Control(ctx context.Context, c *Cell) error {
	targets := c.connections(conntrackConnections, func(p *backends.ServicePort) probe.Target {
		return probe.Target{Protocol: p.Protocol, Addr: used(c.State, p)[0].Addr}
	})
	if targets == nil {
		return nil
	}
	// The first ones find no sockets that the kernel keeps for the next.
	for range 2 {
		_, slab, err := c.hold(ctx, targets)
		if err != nil {
			return err
		}
		c.directSlab = slab
	}
	return nil
}

// Measure implements Measurement.
func (Conntrack) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	targets := c.connections(conntrackConnections, c.Target)
	if targets == nil {
		return fmt.Errorf("%w: no TCP Service answers a pod", ErrNotApplicable)
	}
	came, slab, err := c.hold(ctx, targets)
	if err != nil {
		return err
	}
	n := float64(len(targets))
	r := c.result("Conntrack", len(targets))
	add := func(unit string, v float64) { r.Samples = append(r.Samples, results.Sample{Value: v, Unit: unit}) }
	add("entries/conn", float64(came.entries)/n)
	if came.ipvs >= 0 {
		add("ipvs-entries/conn", float64(came.ipvs)/n)
	}
	add("entries-B/conn", float64(slab-c.directSlab)/n)
	add("sockets-B/conn", float64(c.directSlab)/n)
	add("insert-failed/conn", float64(came.stat.InsertFailed)/n)
	record(r)
	return nil
}

// connections are n targets among the TCP Services that answer a pod, in the family
// that the node prefers.
func (c *Cell) connections(n int, target func(*backends.ServicePort) probe.Target) []probe.Target {
	for _, k := range kinds(&c.State.Node) {
		if k.proto != backends.TCP {
			continue
		}
		var targets []probe.Target
		for _, p := range Random.at(c.State, k.proto, k.family, n, c.Seed) {
			targets = append(targets, target(p))
		}
		if targets != nil {
			return targets
		}
	}
	return nil
}

// hold opens a connection to every target and asks it, and tells what came to the
// kernel's tables and its slab while all are open.
func (c *Cell) hold(ctx context.Context, targets []probe.Target) (came tables, slab int64, err error) {
	if err := forget(); err != nil {
		return came, 0, err
	}
	settle()
	memory, err := readKernelMemory()
	if err != nil {
		return came, 0, err
	}
	before, err := readTables()
	if err != nil {
		return came, 0, err
	}
	flows, err := c.open(ctx, targets, c.timer())
	defer flows.close()
	if err != nil {
		return came, 0, err
	}
	if lost := flows.lost(); lost != nil {
		return came, 0, fmt.Errorf("a connection was lost: %w", lost)
	}
	if came, err = readTables(); err != nil {
		return came, 0, err
	}
	settle()
	with, err := readKernelMemory()
	came.entries -= before.entries
	came.ipvs -= max(0, before.ipvs)
	came.stat.InsertFailed -= before.stat.InsertFailed
	return came, with.slab - memory.slab, err
}

// opened are connections that were, and those that were not.
type opened []probe.Opened

// open opens connections from the client, times each, and then asks each once: one that
// nobody answers is lost.
func (c *Cell) open(ctx context.Context, targets []probe.Target, timer probe.Timer) (all opened, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = c.Topology.Client.Do(func() (err error) {
		all, err = timer.Open(targets)
		return err
	})
	for i := range all {
		if f := all[i].Flow; f != nil {
			if _, err := f.Ask(); err != nil {
				f.Close()
				all[i] = probe.Opened{Err: err}
			}
		}
	}
	return all, err
}

// lost is why the first of those that were lost was, nil when none was.
func (all opened) lost() error {
	for _, o := range all {
		if o.Err != nil {
			return o.Err
		}
	}
	return nil
}

// latencies are their costs.
func (all opened) latencies() (l probe.Latencies) {
	for _, o := range all {
		if o.Err != nil {
			l.Lost++
			l.Err = o.Err
		} else {
			l.Costs = append(l.Costs, o.Cost)
		}
	}
	return l
}

func (all opened) close() {
	for _, o := range all {
		if o.Flow != nil {
			o.Flow.Close()
		}
	}
}
