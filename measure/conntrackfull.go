package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// ConntrackFull is what becomes of connections through VIPs while the node's table of
// connections fills up. The table is made to hold conntrackRoom more entries
// (nf_conntrack_max), and TCP connections to random Services are opened, asked and held,
// in batches, until one is lost or there are a tenth more of them than entries.
//
// The label table is how full the table is in percent, or, of a backend that makes
// no entries, how many connections are held in percent of its room. At 0, 50, 90 and 100
// the connections of a batch are timed as FirstPacket times them, if none of them is lost.
// Lost are those that were not answered within conntrackPatience, before TCP sends anything again. And at 100:
//
//   - held are the connections that were open when the first one was lost;
//   - established-lost are those of them, of every tenth, that are not answered any more;
//   - direct-lost are lost new connections to endpoints themselves, through no VIP;
//   - drops and insert-failed are the kernel's own counts for each new connection.
//
// nf_conntrack_max is the whole machine's, and no namespace has one of its own: this is
// measured in the vm lab alone, whose machine is nobody else's.
type ConntrackFull struct{}

var _ Measurement = ConntrackFull{}

const (
	conntrackRoom     = 1000
	conntrackBatch    = 20
	conntrackPatience = 500 * time.Millisecond
)

// Units implements Measurement.
func (ConntrackFull) Units(clock lab.Clock) []results.Unit {
	units := []results.Unit{timeUnit(clock, ""), timeUnit(clock, "min-")}
	for _, name := range []string{"lost/op", "established-lost/op", "direct-lost/op", "drops/op", "insert-failed/op"} {
		units = append(units, results.Unit{Name: name, Better: results.Lower, Exact: clock == lab.Virtual})
	}
	return append(units, results.Unit{Name: "held-conns", Better: results.Higher, Exact: clock == lab.Virtual})
}

// Measure implements Measurement.
func (ConntrackFull) Measure(ctx context.Context, c *Cell, record func(results.Result)) (err error) {
	if os.Getenv(lab.NodeEnv) != "vm" {
		return fmt.Errorf("%w: nf_conntrack_max is the whole machine's, and only a microVM is ours: use --lab vm", ErrNotApplicable)
	}
	f := &filling{Cell: c, targets: c.connections(conntrackRoom*2, c.Target)}
	if f.targets == nil {
		return fmt.Errorf("%w: no TCP Service answers a pod", ErrNotApplicable)
	}
	restore, err := f.limit()
	if err != nil {
		return err
	}
	defer func() {
		f.held.close()
		err = errors.Join(err, restore(), forget())
	}()
	for _, level := range []int{0, 50, 90} {
		if err := f.fill(ctx, level); err != nil {
			return err
		}
		batch, err := f.batch(ctx)
		if err != nil {
			return err
		}
		record(f.result(level, batch))
	}
	if err := f.fill(ctx, 2*100); err != nil { // until one is lost
		return err
	}
	r, err := f.full(ctx)
	if err != nil {
		return err
	}
	record(r)
	return nil
}

// filling is a table that fills up.
type filling struct {
	*Cell
	targets []probe.Target // that are still to be dialed
	base    int            // entries that were there before
	held    opened
	lost    bool // a connection was
}

// limit makes room for conntrackRoom entries beside those that are there.
func (f *filling) limit() (restore func() error, err error) {
	if err := forget(); err != nil {
		return nil, err
	}
	was, err := os.ReadFile(conntrackMax)
	if err != nil {
		return nil, err
	}
	t, err := readTables()
	if err != nil {
		return nil, err
	}
	f.base = t.entries
	err = os.WriteFile(conntrackMax, []byte(strconv.Itoa(f.base+conntrackRoom)), 0)
	return func() error { return os.WriteFile(conntrackMax, was, 0) }, err
}

// fill holds more and more connections until the table is full to a level in percent, or
// a connection is lost, or there are a tenth more than would fit.
func (f *filling) fill(ctx context.Context, level int) error {
	for !f.lost && len(f.held) < conntrackRoom*11/10 {
		t, err := readTables()
		if err != nil {
			return err
		}
		if max(t.entries-f.base, len(f.held))*100 >= level*conntrackRoom {
			return nil
		}
		if _, err := f.batch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// batch opens some connections and holds them.
func (f *filling) batch(ctx context.Context) (opened, error) {
	f.step("conntrackFull: %d connections are open", len(f.held))
	timer := f.timer()
	timer.Timeout = conntrackPatience
	settle()
	all, err := f.open(ctx, f.targets[:conntrackBatch], timer)
	f.targets = f.targets[conntrackBatch:]
	for _, o := range all {
		if o.Err != nil {
			f.lost = true
		} else if !f.lost {
			f.held = append(f.held, o)
		} else {
			o.Flow.Close()
		}
	}
	return all, err
}

func (f *filling) result(level int, batch opened) results.Result {
	l := batch.latencies()
	r := f.Cell.result("ConntrackFull", len(batch), results.Label{Key: "table", Value: strconv.Itoa(level)})
	if l.Lost == 0 { // the cost of a lost one is the patience
		s := spreadOf(l, conntrackPatience)
		r.Samples = []results.Sample{
			{Value: float64(s.Median), Unit: timeUnit(f.Clock, "").Name},
			{Value: float64(s.Min), Unit: timeUnit(f.Clock, "min-").Name},
		}
	}
	r.Samples = append(r.Samples, results.Sample{Value: float64(l.Lost) / float64(len(batch)), Unit: "lost/op"})
	return r
}

// full tells of a table that is.
func (f *filling) full(ctx context.Context) (results.Result, error) {
	held := f.held
	before, err := readTables()
	if err != nil {
		return results.Result{}, err
	}
	batch, err := f.batch(ctx)
	if err != nil {
		return results.Result{}, err
	}
	after, err := readTables()
	if err != nil {
		return results.Result{}, err
	}
	asked, silent := 0, 0
	for i := 0; i < len(held); i += 10 {
		asked++
		if _, err := held[i].Flow.Ask(); err != nil {
			silent++
		}
	}
	timer := f.timer()
	timer.Timeout = conntrackPatience
	direct, err := f.open(ctx, f.connections(conntrackBatch, func(p *backends.ServicePort) probe.Target {
		return probe.Target{Protocol: p.Protocol, Addr: used(f.State, p)[0].Addr}
	}), timer)
	if err != nil {
		return results.Result{}, err
	}
	direct.close()
	r := f.result(100, batch)
	add := func(unit string, v float64) { r.Samples = append(r.Samples, results.Sample{Value: v, Unit: unit}) }
	add("established-lost/op", float64(silent)/float64(asked))
	add("direct-lost/op", float64(direct.latencies().Lost)/float64(len(direct)))
	add("drops/op", float64(after.stat.Drop-before.stat.Drop)/float64(len(batch)))
	add("insert-failed/op", float64(after.stat.InsertFailed-before.stat.InsertFailed)/float64(len(batch)))
	add("held-conns", float64(len(held)))
	return r, nil
}
