package measure_test

import (
	"errors"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/results"
)

// saboteur answers on the node itself, and does to every nth connection what a bad
// dataplane would.
type saboteur struct {
	every int64
	delay time.Duration // before the answer
	drop  bool          // no answer at all
	seen  atomic.Int64
}

// answering has every connection to an address of the node served.
func answering(t *testing.T, serve func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // which ends the loop below
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return netip.AddrPortFrom(testState().Node.Addrs[0], uint16(l.Addr().(*net.TCPAddr).Port))
}

// backend is one whose every VIP leads to the saboteur.
func (s *saboteur) backend(t *testing.T) backends.Backend {
	t.Helper()
	at := answering(t, func(conn net.Conn) { s.serve(conn, s.every > 0 && s.seen.Add(1)%s.every == 0) })
	return dialed{target: func(*backends.ServicePort) netip.AddrPort { return at }}
}

func (s *saboteur) serve(conn net.Conn, bad bool) {
	defer conn.Close()
	var b [probe.MessageSize]byte
	for {
		if _, err := io.ReadFull(conn, b[:]); err != nil {
			return
		}
		if bad && s.drop {
			continue
		}
		if bad {
			// Not time.Sleep: the runtime rounds it to milliseconds.
			ts := unix.NsecToTimespec(int64(s.delay))
			_ = unix.Nanosleep(&ts, nil)
		}
		probe.Answer{}.Encode(&b)
		if _, err := conn.Write(b[:]); err != nil {
			return
		}
	}
}

func loadCell(t *testing.T, b backends.Backend) *measure.Cell {
	t.Helper()
	return underLoad(testCell(t, b))
}

// underLoad gives a cell traffic, and the lab's clock.
func underLoad(cell *measure.Cell) *measure.Cell {
	cell.Operations = 200
	cell.Traffic = measure.Traffic{Rate: 500, Duration: 400 * time.Millisecond, Clients: 4}
	cell.Clock = clockHere()
	return cell
}

// byConnection are a measurement's results by their last label's value.
func byConnection(t *testing.T, m measure.Measurement, cell *measure.Cell) map[string]map[string]float64 {
	t.Helper()
	rs, err := taken(t, m, cell)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]float64{}
	for _, r := range rs {
		_, v := values(r)
		if latency, there := v["p99-latency-ns"]; there {
			holdsLatencies(t, cell, r, latency, v["lost/op"])
		}
		all[r.Labels[len(r.Labels)-1].Value] = v
	}
	return all
}

// holdsLatencies tells whether the histogram is of all requests of the open loop and
// says what the samples do, to its three digits.
func holdsLatencies(t *testing.T, cell *measure.Cell, r results.Result, p99, lost float64) {
	t.Helper()
	n := int64(cell.Traffic.Rate) * int64(cell.Traffic.Duration) / int64(time.Second)
	if r.Histogram == nil || r.Histogram.Unit != "ns" || r.Histogram.Count() != n || r.Histogram.Lost != int64(math.Round(lost*float64(n))) {
		t.Fatalf("%s: the histogram is not of %d requests, of which %g are lost: %+v", r.Name(), n, lost, r.Histogram)
	}
	if q, _ := r.Histogram.Quantile(0.99); math.Abs(float64(q)-p99) > 0.002*p99 {
		t.Errorf("%s: the histogram's 99th percentile is %d ns, the samples' %.0f", r.Name(), q, p99)
	}
}

// A delay of every 50th connection is in the slowest hundredth of the open loop and not
// in its median; a connection in a hundred that is dropped is a loss of a hundredth;
// neither is in a right backend's figures, nor in those of connections that stay open.
func TestOpenLoopFindsSaboteurs(t *testing.T) {
	delay := 200 * time.Millisecond // far beyond what a busy machine does to every 50th
	if os.Getenv(lab.NodeEnv) == "vm" {
		delay = 200 * time.Microsecond
	}
	cell := loadCell(t, nil)
	seen := map[string]map[string]float64{}
	for name, s := range map[string]*saboteur{
		"right": {}, "slow": {every: 50, delay: delay}, "lossy": {every: 100, drop: true},
	} {
		cell.Backend = s.backend(t)
		all := byConnection(t, measure.ConnectionRate{}, cell)
		seen[name] = all["short"]
		t.Logf("%s: %v", name, seen[name])
		if want := map[string]float64{"lossy": 0.01}[name]; seen[name]["lost/op"] != want {
			t.Errorf("%s: %g of the connections are lost, want %g", name, seen[name]["lost/op"], want)
		}
		if kept := all["keep-alive"]; kept["lost/op"] != 0 {
			t.Errorf("%s: %v are lost over connections that stay open", name, kept["lost/op"])
		}
	}
	for _, c := range []struct {
		name, unit string
		holds      bool
	}{
		{"slow", "latency-ns", false}, {"slow", "p99-latency-ns", true}, {"slow", "max-latency-ns", true},
		// Two of 200 that are lost are the slowest, and not yet the 99th percentile.
		{"lossy", "latency-ns", false}, {"lossy", "p99-latency-ns", false}, {"lossy", "max-latency-ns", true},
	} {
		if more := seen[c.name][c.unit] - seen["right"][c.unit]; (more > float64(delay)/2) != c.holds {
			t.Errorf("%s: %s is %.0f above the right backend's, and the delay %d", c.name, c.unit, more, delay)
		}
	}
}

// Requests that a slow answer holds up count from when they were due: with one
// connection that stays open and a pause in the middle, all that wait for its end are
// late, and not only the one that met it.
func TestOpenLoopOmitsNothing(t *testing.T) {
	const pause = 100 * time.Millisecond // 50 requests are due in it
	stall := &saboteur{every: 1, delay: pause}
	cell := loadCell(t, stall.backend(t))
	cell.Traffic = measure.Traffic{Rate: 500, Duration: 20 * time.Millisecond, Clients: 1}
	v := byConnection(t, measure.ConnectionRate{}, cell)["keep-alive"]
	// Ten requests, each of which takes the pause: the last waits for nine others.
	if least := float64(9*pause) + float64(pause) - float64(20*time.Millisecond); v["max-latency-ns"] < least {
		t.Errorf("the last of ten is answered after %.0f ns, want at least %.0f", v["max-latency-ns"], least)
	}
	if least := float64(4 * pause); v["latency-ns"] < least {
		t.Errorf("the median is %.0f ns, want at least %.0f", v["latency-ns"], least)
	}
}

// All of them give every unit that they declare, with a control beside it, and nothing
// lost.
func TestLoadUnits(t *testing.T) {
	cell := loadCell(t, dialed{target: right})
	cell.Traffic.Duration = 50 * time.Millisecond
	for name, m := range map[string]measure.Measurement{
		"ConnectionRate": measure.ConnectionRate{}, "CPUAtRate": measure.CPUAtRate{}, "Throughput": measure.Throughput{},
	} {
		if err := m.(measure.Controlled).Control(t.Context(), cell); err != nil {
			t.Fatal(err)
		}
		rs, err := taken(t, m, cell)
		if err != nil || len(rs) != 2 {
			t.Fatalf("%s: %d results, %v", name, len(rs), err)
		}
		got := map[string]float64{}
		for _, r := range rs {
			_, v := values(r)
			for unit, value := range v {
				got[unit] = value
				if value <= 0 && unit != "lost/op" && !strings.HasSuffix(unit, "-cores") {
					t.Errorf("%s is %g %s", r.Name(), value, unit)
				}
			}
		}
		for _, u := range m.Units(cell.Clock) {
			if _, there := got[u.Name]; !there {
				t.Errorf("%s gives nothing in %s", name, u.Name)
			}
			delete(got, u.Name)
		}
		if len(got) > 0 {
			t.Errorf("%s gives what it does not declare: %v", name, got)
		}
	}
}

func TestLoadNeedsServices(t *testing.T) {
	state := testState()
	state.Services = nil
	cell := cellOf(t, dialed{target: right}, state)
	for _, m := range []measure.Measurement{measure.ConnectionRate{}, measure.CPUAtRate{}, measure.Throughput{}} {
		if err := m.Measure(t.Context(), cell, func(results.Result) {}); !errors.Is(err, measure.ErrNotApplicable) {
			t.Errorf("%T: %v", m, err)
		}
	}
}
