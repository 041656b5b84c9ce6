package measure_test

import (
	"context"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/labtest"
	"github.com/svcmark/svcmark/measure"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// dialed programs nothing: its clients dial what it says, which is right,
// wrong or dead on purpose.
type dialed struct {
	target func(*backends.ServicePort) netip.AddrPort
	sync   func()
}

func (d dialed) Target(p *backends.ServicePort) netip.AddrPort { return d.target(p) }
func (dialed) Probe(context.Context) error                     { return nil }
func (dialed) Cleanup(context.Context) error                   { return nil }

func (d dialed) Sync(context.Context, *backends.State) error {
	if d.sync != nil {
		d.sync()
	}
	return nil
}

func right(p *backends.ServicePort) netip.AddrPort { return p.Endpoints[0].Addr }

// testState has three TCP Services and one over UDP, each with two endpoints.
func testState() *backends.State {
	s := &backends.State{Node: backends.Node{
		Name: "node-0", Addrs: []netip.Addr{netip.MustParseAddr("192.168.0.1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9")}, ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
	}}
	vip, endpoint := netip.MustParseAddr("10.96.0.1"), netip.MustParseAddr("10.160.0.1")
	for _, name := range []string{"a", "b", "c", "dns"} {
		p := backends.ServicePort{Namespace: "test", Name: name, Protocol: backends.TCP, ClusterIP: vip, Port: 80}
		if name == "dns" {
			p.Protocol = backends.UDP
		}
		for range 2 {
			p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: netip.AddrPortFrom(endpoint, 8080)})
			endpoint = endpoint.Next()
		}
		s.Services = append(s.Services, p)
		vip = vip.Next()
	}
	return s
}

func testCell(t *testing.T, b backends.Backend) *measure.Cell {
	t.Helper()
	return cellOf(t, b, testState())
}

func cellOf(t *testing.T, b backends.Backend, state *backends.State) *measure.Cell {
	t.Helper()
	// Cleanup functions run after the test's context has ended.
	topology, err := lab.Build(context.WithoutCancel(t.Context()), state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := topology.Close(); err != nil {
			t.Error(err)
		}
	})
	return &measure.Cell{
		Backend: b, State: state, Topology: topology,
		Clock: lab.Wall, Seed: 1, Operations: 3, Timeout: 3 * time.Second,
	}
}

// clockHere is the clock of the lab that the tests run in.
func clockHere() lab.Clock {
	if os.Getenv(lab.NodeEnv) == "vm" {
		return lab.Virtual
	}
	return lab.Wall
}

// exactHere says whether questions that are asked beside something else are exact here.
// In the wall clock whoever else uses the machine makes them late, or lost; what is told
// apart by them is told apart in the virtual clock, where TestVMLoad runs these tests.
func exactHere() bool { return clockHere() == lab.Virtual }
