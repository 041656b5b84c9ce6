package measure

import (
	"context"
	"fmt"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// Throughput is what goes through one established flow to the last Service: over TCP
// the bytes a second of a stream that an endpoint reads to its end, over UDP the
// packets a second, both ways, of requests of 64 bytes and their replies, of which 32
// are on their way at a time; lost/op is the share of requests without a reply. In the
// virtual clock the place of the rates is taken by the instructions of a byte and of a
// packet, all that the node executes.
type Throughput struct{}

var (
	_ Measurement = Throughput{}
	_ Controlled  = Throughput{}
)

// bulkSize is how many bytes go before the endpoint answers: enough for its answer's way
// to cost a hundredth at most.
const bulkSize = 16 << 20

// throughputUnit is that of a protocol.
func throughputUnit(clock lab.Clock, prefix string, proto backends.Protocol) results.Unit {
	of := "B"
	if proto == backends.UDP {
		of = "packet"
	}
	switch {
	case clock == lab.Virtual:
		return results.Unit{Name: prefix + "insns/" + of, Better: results.Lower, Exact: true}
	case proto == backends.UDP:
		of += "s"
	}
	return results.Unit{Name: prefix + of + "/s", Better: results.Higher}
}

// Units implements Measurement.
func (Throughput) Units(clock lab.Clock) []results.Unit {
	var units []results.Unit
	for _, proto := range []backends.Protocol{backends.TCP, backends.UDP} {
		units = append(units, throughputUnit(clock, "", proto), throughputUnit(clock, "direct-", proto))
	}
	return append(units, lostUnit(clock))
}

// Control implements Controlled.
func (Throughput) Control(ctx context.Context, c *Cell) error {
	return c.throughput(ctx, c.straight, func(k kind, _ probe.Amount, value float64) {
		if c.throughputs == nil {
			c.throughputs = map[kind]float64{}
		}
		c.throughputs[k] = value
	})
}

// Measure implements Measurement.
func (Throughput) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	none := true
	err := c.throughput(ctx, c.Target, func(k kind, a probe.Amount, value float64) {
		none = false
		r := c.result("Throughput", a.Requests, append(k.labels(&c.State.Node), results.Label{Key: "position", Value: string(Last)})...)
		r.Samples = []results.Sample{
			{Value: value, Unit: throughputUnit(c.Clock, "", k.proto).Name},
			{Value: c.throughputs[k], Unit: throughputUnit(c.Clock, "direct-", k.proto).Name},
			{Value: float64(a.Lost) / float64(a.Requests), Unit: "lost/op"},
		}
		record(r)
	})
	if err == nil && none {
		err = fmt.Errorf("%w: no TCP or UDP Service answers a pod", ErrNotApplicable)
	}
	return err
}

// throughput takes each kind's.
func (c *Cell) throughput(ctx context.Context, dial func(*backends.ServicePort) probe.Target, each func(kind, probe.Amount, float64)) error {
	for _, k := range kinds(&c.State.Node) {
		picked := Last.at(c.State, k.proto, k.family, 1, c.Seed)
		if picked == nil || k.proto == backends.SCTP {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		a, value, err := c.amount(dial(picked[0]))
		if err != nil {
			return fmt.Errorf("throughput over %s: %w", k, err)
		}
		each(k, a, value)
	}
	return nil
}

// amount sends to a target, and gives what came of it in the unit of its protocol.
func (c *Cell) amount(target probe.Target) (a probe.Amount, value float64, err error) {
	settle()
	var before, after loadMeters
	var read error
	begin := func() (err error) {
		before, err = c.readLoadMeters()
		return err
	}
	enough := func(a probe.Amount) bool {
		if c.Clock == lab.Virtual && target.Protocol == backends.UDP && a.Requests < c.Operations {
			return false
		}
		if c.Clock != lab.Virtual && a.Cost < int64(c.Traffic.Duration) {
			return false
		}
		after, read = c.readLoadMeters()
		return true
	}
	err = c.Topology.Client.Do(func() (err error) {
		t := probe.Timer{Now: lab.Now, Timeout: c.Timeout}
		if target.Protocol == backends.UDP {
			a, err = t.Bursts(target, begin, enough)
		} else {
			a, err = t.Bulk(target, bulkSize, begin, enough)
		}
		return err
	})
	if err == nil {
		err = read
	}
	if err != nil {
		return a, 0, err
	}
	if c.Clock == lab.Virtual {
		m := after.since(before)
		return a, float64(m.busy()) / float64(a.Count), nil
	}
	return a, float64(a.Count) / (float64(a.Cost) / 1e9), nil
}
