package measure

import (
	"context"
	"fmt"
	"strings"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// FirstPacket is the cost of a new flow through a VIP, as a client sees it:
// connect(2) over TCP and SCTP, one request and its reply from a new source port
// over UDP. It is taken for the first, the middle, the last and random Services
// in the order in which the state lists them, of those that answer a pod. Its
// control dials the first one's endpoint before anything is programmed.
type FirstPacket struct{}

var (
	_ Measurement = FirstPacket{}
	_ Controlled  = FirstPacket{}
)

// protocols are measured each by itself.
var protocols = [...]backends.Protocol{backends.TCP, backends.UDP, backends.SCTP}

// Units implements Measurement.
func (FirstPacket) Units(clock lab.Clock) []results.Unit { return latencyUnits(clock) }

// Control implements Controlled.
func (FirstPacket) Control(ctx context.Context, c *Cell) error {
	return c.control(ctx, "FirstPacket", c.firstPackets)
}

// Measure implements Measurement.
func (FirstPacket) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	return c.positions(ctx, "FirstPacket", []Position{First, Middle, Last, Random}, c.firstPackets, record)
}

func (c *Cell) firstPackets(targets []probe.Target) (probe.Latencies, error) {
	return c.timer().FirstPacket(targets)
}

// timing times one operation a target, from the client.
type timing func(targets []probe.Target) (probe.Latencies, error)

// kind is what is measured by itself.
type kind struct {
	proto  backends.Protocol
	family backends.Family
}

func (k kind) String() string { return fmt.Sprintf("%s in %s", k.proto, k.family) }

// kinds are all that may be on a node, in the order in which they are taken.
func kinds(n *backends.Node) []kind {
	var all []kind
	for _, f := range backends.Families() {
		if !n.Addr(f).IsValid() {
			continue // the lab has none of it
		}
		for _, proto := range protocols {
			all = append(all, kind{proto, f})
		}
	}
	return all
}

// labels tell the kind. The family is told where the node has both.
func (k kind) labels(n *backends.Node) []results.Label {
	labels := []results.Label{{Key: "protocol", Value: strings.ToLower(string(k.proto))}}
	if n.Addr(backends.IPv4).IsValid() && n.Addr(backends.IPv6).IsValid() {
		labels = append(labels, results.Label{Key: "family", Value: strings.ToLower(string(k.family))})
	}
	return labels
}

// control takes the cost of the lab itself: endpoints, dialed directly.
func (c *Cell) control(ctx context.Context, measurement string, run timing) error {
	for _, k := range kinds(&c.State.Node) {
		picked := First.at(c.State, k.proto, k.family, c.Operations, c.Seed)
		if picked == nil {
			continue
		}
		targets := make([]probe.Target, len(picked))
		for i, p := range picked {
			targets[i] = probe.Target{Protocol: k.proto, Addr: used(c.State, p)[0].Addr}
		}
		l, err := c.timed(ctx, targets, run)
		if err != nil {
			return fmt.Errorf("%s without Services over %s: %w", measurement, k, err)
		}
		if c.controls == nil {
			c.controls = map[controlKey]Spread{}
		}
		c.controls[controlKey{measurement, k}] = spreadOf(l, c.Timeout)
	}
	return nil
}

// positions takes a measurement for every kind at some positions.
func (c *Cell) positions(ctx context.Context, measurement string, positions []Position, run timing, record func(results.Result)) error {
	for _, k := range kinds(&c.State.Node) {
		for _, pos := range positions {
			picked := pos.at(c.State, k.proto, k.family, c.Operations, c.Seed)
			if picked == nil {
				continue
			}
			targets := make([]probe.Target, len(picked))
			for i, p := range picked {
				targets[i] = c.Target(p)
			}
			l, err := c.timed(ctx, targets, run)
			if err != nil {
				return fmt.Errorf("%s of the %s Service over %s: %w", measurement, pos, k, err)
			}
			labels := append(k.labels(&c.State.Node), results.Label{Key: "position", Value: string(pos)})
			s := spreadOf(l, c.Timeout)
			r := c.result(measurement, s.N, labels...)
			r.Histogram = c.histogram(l)
			r.Samples = s.samples(c.Clock, c.controls[controlKey{measurement, k}])
			record(r)
		}
	}
	return nil
}

func (c *Cell) timed(ctx context.Context, targets []probe.Target, run timing) (probe.Latencies, error) {
	if err := ctx.Err(); err != nil {
		return probe.Latencies{}, err
	}
	settle()
	var l probe.Latencies
	err := c.Topology.Client.Do(func() (err error) {
		l, err = run(targets)
		return err
	})
	if err == nil && len(l.Costs) == 0 {
		err = fmt.Errorf("all %d operations were lost: %w", l.Lost, l.Err)
	}
	return l, err
}
