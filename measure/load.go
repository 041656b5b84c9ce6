package measure

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// Traffic is what measurements of load put on a dataplane.
type Traffic struct {
	Rate     int           // requests a second, where they come at a rate
	Duration time.Duration // of each load; one that is as fast as it can is bounded by Operations in the virtual clock
	Clients  int           // requests that are on their way at a time, where each waits for the one before
}

// connection is what a request takes.
type connection string

const (
	short     connection = "short"      // a TCP connection of its own, which a reset ends
	keepAlive connection = "keep-alive" // one that is open
)

// loadKey is what a load is of.
type loadKey struct {
	measurement string
	kind        kind
	connection  connection
}

// load is what became of the requests of one load, and what they took.
type load struct {
	spread  Spread             // of the times from when each was due
	times   *results.Histogram // likewise, in nanoseconds of the clock
	answers int
	meters  loadMeters // differences
}

// loadMeters are the readings around a load. In the virtual clock, in which everything
// is the node's, the machine's idle time tells all; in the wall clock the others.
type loadMeters struct {
	clock, idle int64

	processes int64 // processor time of the client, the endpoints' servers and the backend's programs
	servers   int64 // of it
	softirq   int64 // the machine's
	machine   int64 // the machine's processor time in all modes, whoever's
}

func (c *Cell) readLoadMeters() (m loadMeters, err error) {
	if c.Clock == lab.Virtual {
		if m.idle, err = lab.Idle(); err != nil {
			return m, err
		}
		m.clock = lab.Now()
		return m, nil
	}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return m, err
	}
	stat, err := fs.Stat()
	if err != nil {
		return m, fmt.Errorf("reading the machine's CPU times: %w", err)
	}
	all := &stat.CPUTotal
	m.softirq = int64(all.SoftIRQ * 1e9)
	m.machine = int64((all.User + all.Nice + all.System + all.IRQ + all.SoftIRQ) * 1e9)
	if m.servers, err = c.Topology.ServerTime(); err != nil {
		return m, err
	}
	user, system, err := c.usage()
	m.processes = user + system + m.servers
	m.clock = lab.Now()
	return m, err
}

func (m loadMeters) since(o loadMeters) loadMeters {
	return loadMeters{
		m.clock - o.clock, m.idle - o.idle,
		m.processes - o.processes, m.servers - o.servers, m.softirq - o.softirq, m.machine - o.machine,
	}
}

// busy is what was executed, in the virtual clock.
func (m loadMeters) busy() int64 { return m.clock - m.idle }

// per is a share of the clock, such as of one core.
func (m loadMeters) per(part int64) float64 { return float64(part) / float64(m.clock) }

// cost is the instructions of a request, all of the node's.
func (l load) cost() float64 { return float64(l.meters.busy()) / float64(l.spread.N) }

// rate is the answers a second.
func (l load) rate() float64 { return float64(l.answers) / (float64(l.meters.clock) / 1e9) }

// closedLoop asks as fast as Clients that wait for their answers can.
func (c *Cell) closedLoop(targets []probe.Target, conn connection) (load, error) {
	s := probe.Stream{Targets: targets, Keep: conn == keepAlive, Clients: c.Traffic.Clients, Questions: c.Operations}
	if c.Clock == lab.Virtual {
		// On one processor more at a time are no faster. They share wakeups, and how many
		// do is the timers' phase: with four it moved a request over a kept connection by
		// a fifth, where nothing else differed.
		s.Clients = 1
	} else {
		s.Questions = trackable()
	}
	return c.run(s, c.Clock != lab.Virtual)
}

// openLoop asks at the rate.
func (c *Cell) openLoop(targets []probe.Target, conn connection) (load, error) {
	return c.run(probe.Stream{
		Targets: targets, Keep: conn == keepAlive, Clients: c.Traffic.Clients,
		Interval:  time.Second / time.Duration(c.Traffic.Rate),
		Questions: max(1, int(int64(c.Traffic.Rate)*int64(c.Traffic.Duration)/int64(time.Second))),
	}, false)
}

// run runs a stream from the client, under the meters; timed ends it after the duration.
// Another goes before it, as long in the virtual clock and short in the wall clock: the
// first load of a cell touches code and memory that nobody has yet, which cost five
// million instructions once, whatever the requests go through, and more the more of them
// there are. A control of 50 requests seemed half as dear again.
func (c *Cell) run(s probe.Stream, timed bool) (l load, err error) {
	s.Now, s.Patience = lab.Now, c.Timeout
	err = c.Topology.Client.Do(func() error {
		first := s
		if c.Clock != lab.Virtual {
			first.Questions = min(10, s.Questions)
		}
		_, err := first.Load(nil)
		return err
	})
	if err != nil {
		return l, err
	}
	lab.ForgetFlows()
	settle()
	var before, after loadMeters
	s.Begin = func() (err error) {
		before, err = c.readLoadMeters()
		return err
	}
	var latencies probe.Latencies
	replies := 0
	var read error
	err = c.Topology.Client.Do(func() (err error) {
		latencies, err = s.Load(func(probe.Reply) bool {
			replies++
			if replies < s.Questions && (!timed || lab.Now()-before.clock < int64(c.Traffic.Duration)) {
				return true
			}
			after, read = c.readLoadMeters()
			return false
		})
		return err
	})
	lab.ForgetFlows()
	if err = cmp.Or(err, read); err != nil {
		return l, err
	}
	if len(latencies.Costs) == 0 {
		return l, fmt.Errorf("all %d requests were lost: %w", latencies.Lost, latencies.Err)
	}
	times := results.NewHistogram("ns", latencies.Costs, latencies.Lost, int64(c.Timeout))
	return load{spreadOf(latencies, c.Timeout), times, len(latencies.Costs), after.since(before)}, nil
}

// trackable is how many connections the node may track at a time, half of what its
// kernel does: a full table drops packets, which is another measurement.
func trackable() int {
	const otherwise = 500_000
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_max")
	if err != nil {
		return otherwise // nothing is tracked
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 2 {
		return otherwise
	}
	return min(n/2, otherwise)
}

// loadKinds are the families in which TCP Services answer a pod.
func (c *Cell) loadKinds() []kind {
	var all []kind
	for _, k := range kinds(&c.State.Node) {
		if k.proto == backends.TCP && Random.at(c.State, k.proto, k.family, 1, c.Seed) != nil {
			all = append(all, k)
		}
	}
	return all
}

// spreadTargets are random Services of a kind, as many as there are Operations.
func (c *Cell) spreadTargets(k kind, dial func(*backends.ServicePort) probe.Target) []probe.Target {
	var targets []probe.Target
	for _, p := range Random.at(c.State, k.proto, k.family, c.Operations, c.Seed) {
		targets = append(targets, dial(p))
	}
	return targets
}

// straight dials a Service's first endpoint: the lab's own cost.
func (c *Cell) straight(p *backends.ServicePort) probe.Target {
	return probe.Target{Protocol: p.Protocol, Addr: used(c.State, p)[0].Addr}
}

// eachLoad runs a load for each family and each kind of connection.
func (c *Cell) eachLoad(ctx context.Context, measurement string, dial func(*backends.ServicePort) probe.Target, each func(loadKey, []probe.Target) error) error {
	for _, k := range c.loadKinds() {
		targets := c.spreadTargets(k, dial)
		for _, conn := range []connection{short, keepAlive} {
			if err := ctx.Err(); err != nil {
				return err
			}
			if c.Step != nil {
				c.Step(fmt.Sprintf("%s: %s connections in %s", measurement, conn, k.family))
			}
			if err := each(loadKey{measurement, k, conn}, targets); err != nil {
				return fmt.Errorf("%s, %s connections in %s: %w", measurement, conn, k.family, err)
			}
		}
	}
	return nil
}

// throughServices runs a load as clients of the Services do.
func (c *Cell) throughServices(ctx context.Context, measurement string, each func(loadKey, []probe.Target) error) error {
	if len(c.loadKinds()) == 0 {
		return fmt.Errorf("%w: no TCP Service answers a pod", ErrNotApplicable)
	}
	return c.eachLoad(ctx, measurement, c.Target, each)
}

// controlLoad keeps the loads of a measurement without Services.
func (c *Cell) controlLoad(ctx context.Context, measurement string, loop func([]probe.Target, connection) (load, error)) error {
	return c.eachLoad(ctx, measurement, c.straight, func(key loadKey, targets []probe.Target) (err error) {
		if c.loads == nil {
			c.loads = map[loadKey]load{}
		}
		c.loads[key], err = loop(targets, key.connection)
		return err
	})
}

// loadResult starts the result of a load.
func (c *Cell) loadResult(key loadKey, n int) results.Result {
	return c.result(key.measurement, n, append(key.kind.labels(&c.State.Node), results.Label{Key: "connection", Value: string(key.connection)})...)
}

// lostUnit is the share of requests without an answer.
func lostUnit(clock lab.Clock) results.Unit {
	return results.Unit{Name: "lost/op", Better: results.Lower, Exact: clock == lab.Virtual}
}
