package measure_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/results"
)

// counting is a backend that counts its objects.
type counting struct {
	dialed
	counts map[string]int
}

func (c counting) Objects(context.Context) (map[string]int, error) { return c.counts, nil }

func taken(t *testing.T, m measure.Measurement, c *measure.Cell) ([]results.Result, error) {
	t.Helper()
	var rs []results.Result
	err := m.Measure(t.Context(), c, func(r results.Result) { rs = append(rs, r) })
	return rs, err
}

func TestMeasurementsDeclareTheirUnits(t *testing.T) {
	cell := testCell(t, counting{dialed{target: right}, map[string]int{"rules": 7}})
	all := map[string]measure.Measurement{
		"Sync": measure.Sync{}, "FirstPacket": measure.FirstPacket{}, "RoundTrip": measure.RoundTrip{},
		"CPU": measure.CPU{}, "Memory": measure.Memory{}, "Objects": measure.Objects{},
	}
	for _, m := range all {
		if c, ok := m.(measure.Controlled); ok {
			if err := c.Control(t.Context(), cell); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cell.Program(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, m := range all {
		rs, err := taken(t, m, cell)
		if err != nil || len(rs) == 0 {
			t.Errorf("%s: %d results, error %v", name, len(rs), err)
		}
		for _, r := range rs {
			if r.Measurement != name || len(r.Samples) == 0 {
				t.Errorf("%s gives %s with %d samples", name, r.Name(), len(r.Samples))
			}
			for _, s := range r.Samples {
				if !slices.ContainsFunc(m.Units(cell.Clock), func(u results.Unit) bool { return u.Name == s.Unit }) {
					t.Errorf("%s gives a figure in %s, which it does not declare", name, s.Unit)
				}
				if s.Unit == "direct-ns/op" && s.Value <= 0 {
					t.Errorf("%s has no control beside it", r.Name())
				}
			}
		}
	}
	rs, err := taken(t, measure.FirstPacket{}, cell)
	var names []string
	for _, r := range rs {
		names = append(names, r.Label("protocol")+"/"+r.Label("position"))
	}
	if want := "tcp/first tcp/middle tcp/last tcp/random udp/first udp/middle udp/last udp/random"; err != nil || strings.Join(names, " ") != want {
		t.Errorf("first packets of %q (%v), want %s", names, err, want)
	}
}

// On a node with both families each is measured by itself, and says so; a Service
// that answers no pod is nobody's position.
func TestPositionsTellTheFamily(t *testing.T) {
	state := testState()
	state.Node.Addrs = append(state.Node.Addrs, netip.MustParseAddr("fd00:1::1"))
	state.Node.ClusterCIDRs = append(state.Node.ClusterCIDRs, netip.MustParsePrefix("fd00:10:128::/48"))
	remote := state.Node.EndpointHostCIDRs(backends.IPv6)[0].Addr().Next()
	for i, c := range []backends.Conditions{0, backends.NotReady | backends.NotServing} {
		state.Services = append(state.Services, backends.ServicePort{
			Namespace: "test", Name: fmt.Sprintf("six-%d", i), Protocol: backends.TCP, ClusterIP: netip.MustParseAddr("fd00:96::1"), Port: 80,
			Endpoints: []backends.Endpoint{{Addr: netip.AddrPortFrom(remote, 8080), Conditions: c}},
		})
		remote = remote.Next()
	}
	var dialed6 []netip.AddrPort
	cell := cellOf(t, dialed{target: func(p *backends.ServicePort) netip.AddrPort {
		if p.Family() == backends.IPv6 {
			dialed6 = append(dialed6, p.Endpoints[0].Addr)
		}
		return right(p)
	}}, state)
	rs, err := taken(t, measure.RoundTrip{}, cell)
	var names []string
	for _, r := range rs {
		names = append(names, r.Label("protocol")+"/"+r.Label("family")+"/"+r.Label("position"))
	}
	if want := "tcp/ipv4/last udp/ipv4/last tcp/ipv6/last"; err != nil || strings.Join(names, " ") != want {
		t.Errorf("round trips of %q (%v), want %s", names, err, want)
	}
	for _, a := range dialed6 {
		if a != state.Services[4].Endpoints[0].Addr {
			t.Errorf("dialed %s, which is not ready", a)
		}
	}
	if len(dialed6) == 0 {
		t.Error("nothing was dialed in IPv6")
	}
}

// What a backend's Sync takes is in the figures, all of it: the backend holds
// its own clock beside them.
func TestSyncAndCPUHoldAllOfIt(t *testing.T) {
	var took, burned int64
	cell := testCell(t, dialed{target: right, sync: func() {
		begin, before := lab.Now(), used(t)
		time.Sleep(20 * time.Millisecond)
		for burned < int64(20*time.Millisecond) {
			burned = used(t) - before
		}
		took = lab.Now() - begin
	}})
	if err := cell.Program(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		m     measure.Measurement
		least int64
	}{{measure.Sync{}, took}, {measure.CPU{}, burned}} {
		rs, err := taken(t, test.m, cell)
		if err != nil {
			t.Fatal(err)
		}
		if got := rs[0].Samples[0]; got.Unit != "ns/op" || got.Value < float64(test.least) {
			t.Errorf("%s says %v %s, and the backend itself counted %d", rs[0].Measurement, got.Value, got.Unit, test.least)
		}
	}
}

func used(t *testing.T) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

type failing struct{ dialed }

func (failing) Sync(context.Context, *backends.State) error { return errors.New("the kernel said no") }

func TestProgramSaysWhySyncFailed(t *testing.T) {
	cell := testCell(t, failing{dialed{target: right}})
	if err := cell.Program(t.Context()); err == nil || err.Error() != "full sync: the kernel said no" {
		t.Errorf("error %v", err)
	}
}

func TestDeadVIPIsNoFigure(t *testing.T) {
	cell := testCell(t, dialed{target: (*backends.ServicePort).VIP})
	for _, m := range []measure.Measurement{measure.FirstPacket{}, measure.RoundTrip{}} {
		if rs, err := taken(t, m, cell); err == nil || len(rs) > 0 {
			t.Errorf("%T of a VIP that nobody serves: %d results, error %v", m, len(rs), err)
		}
	}
}

func TestObjects(t *testing.T) {
	cell := &measure.Cell{Backend: dialed{}}
	if _, err := taken(t, measure.Objects{}, cell); !errors.Is(err, measure.ErrNotApplicable) {
		t.Errorf("a backend that counts nothing: %v", err)
	}
	cell.Backend = counting{counts: map[string]int{"cats": 1}}
	if _, err := taken(t, measure.Objects{}, cell); err == nil || !strings.Contains(err.Error(), `"cats"`) {
		t.Errorf("a kind that has no unit: %v", err)
	}
}
