package measure_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
)

func TestProve(t *testing.T) {
	cell := testCell(t, dialed{target: right})
	if err := cell.Prove(t.Context()); err != nil {
		t.Errorf("a right dataplane: %v", err)
	}
	// Each is wrong for one Service only, and not for the first.
	for name, test := range map[string]struct {
		service string
		addr    netip.AddrPort
		want    string
	}{
		"another Service's endpoint": {"c", cell.State.Services[0].Endpoints[1].Addr, "Service test/c (10.160.0.2:8080) was answered by 10.160.0.2:8080, which is none of its 2 endpoints (10.160.0.5:8080, …)"},
		"nobody over TCP":            {"b", cell.State.Services[1].VIP(), "Service test/b does not answer"},
		"nobody over UDP":            {"dns", cell.State.Services[3].VIP(), "Service test/dns does not answer"},
	} {
		cell.Backend = dialed{target: func(p *backends.ServicePort) netip.AddrPort {
			if p.Name == test.service {
				return test.addr
			}
			return right(p)
		}}
		err := cell.Prove(t.Context())
		if err == nil || !strings.Contains(err.Error(), "wrong dataplane: "+test.want) {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
		}
		var errno unix.Errno
		if strings.HasPrefix(name, "nobody") && !errors.As(err, &errno) {
			t.Errorf("%s: error %v, want an errno", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := cell.Prove(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
}

// An endpoint that sees the node instead of the pod was reached through a
// masquerade that nobody asked for.
func TestProveTellsMasquerade(t *testing.T) {
	cell := testCell(t, dialed{target: right})
	cell.State.Node.ClusterCIDRs[0] = netip.MustParsePrefix("10.0.0.0/9") // the proof expects another pod
	if err := cell.Prove(t.Context()); err == nil || !strings.Contains(err.Error(), "it was masqueraded") {
		t.Errorf("error %v", err)
	}
}

// A Service of a family that the node lacks cannot be asked, and is not missed.
func TestProvePassesFamiliesThatTheNodeLacks(t *testing.T) {
	state := testState()
	state.Services = append(state.Services, backends.ServicePort{
		Namespace: "test", Name: "six", Protocol: backends.TCP, ClusterIP: netip.MustParseAddr("fd00:96::1"), Port: 80,
		Endpoints: []backends.Endpoint{{Addr: netip.MustParseAddrPort("[fd00:10:128:4000::1]:8080")}},
	})
	cell := cellOf(t, dialed{target: right}, state)
	if err := cell.Prove(t.Context()); err != nil {
		t.Error(err)
	}
	rs, err := taken(t, measure.RoundTrip{}, cell)
	if err != nil || len(rs) != 2 {
		t.Errorf("%d round trips (%v), want those over TCP and UDP in IPv4", len(rs), err)
	}
}

// routed programs nothing and is no Dialed either: its VIPs are what the lab
// answers for by itself.
type routed struct{}

func (routed) Probe(context.Context) error                 { return nil }
func (routed) Sync(context.Context, *backends.State) error { return nil }
func (routed) Cleanup(context.Context) error               { return nil }

// A Service is proven by the endpoints that the node may use for it, in its own
// family: each of these has its VIP where an endpoint is.
func TestProveKnowsWhichEndpointsAreUsed(t *testing.T) {
	node := backends.Node{
		Name:         "node-0",
		Addrs:        []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("fd00:1::1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9"), netip.MustParsePrefix("fd00:10:128::/48")},
	}
	for _, f := range backends.Families() {
		remote := netip.AddrPortFrom(node.EndpointHostCIDRs(f)[0].Addr().Next(), 8080)
		local := netip.AddrPortFrom(lab.ClientAddr(&node, f).Next().Next(), 8080)
		nobody := netip.AddrPortFrom(remote.Addr(), 1)
		at := func(a netip.AddrPort, c backends.Conditions) backends.Endpoint {
			return backends.Endpoint{Addr: a, Local: a == local, Conditions: c}
		}
		gone := backends.NotReady | backends.NotServing
		for name, test := range map[string]struct {
			vip       netip.AddrPort
			internal  bool
			endpoints []backends.Endpoint
			want      string // "" when it is right
		}{
			"ready":                       {remote, false, []backends.Endpoint{at(remote, 0)}, ""},
			"ready, others are not":       {remote, false, []backends.Endpoint{at(remote, 0), at(local, gone)}, ""},
			"not ready, others are":       {remote, false, []backends.Endpoint{at(remote, gone), at(local, 0)}, "which is none of its 1 endpoints"},
			"terminating, none is ready":  {remote, false, []backends.Endpoint{at(remote, backends.NotReady|backends.Terminating)}, ""},
			"not ready, none is":          {remote, false, []backends.Endpoint{at(remote, gone)}, "the node has no endpoint for it"},
			"not ready, none is, silent":  {nobody, false, []backends.Endpoint{at(remote, gone)}, ""},
			"local":                       {local, true, []backends.Endpoint{at(remote, 0), at(local, 0)}, ""},
			"remote, the policy is Local": {remote, true, []backends.Endpoint{at(remote, 0), at(local, 0)}, "which is none of its 1 endpoints"},
			"Local without any":           {remote, true, []backends.Endpoint{at(remote, 0)}, "the node has no endpoint for it"},
		} {
			t.Run(string(f)+"/"+name, func(t *testing.T) {
				backends.SortEndpoints(test.endpoints)
				node := node
				if f == backends.IPv6 {
					node.Addrs, node.ClusterCIDRs = node.Addrs[1:], node.ClusterCIDRs[1:]
				}
				cell := cellOf(t, routed{}, &backends.State{Node: node, Services: []backends.ServicePort{{
					Namespace: "test", Name: "a", Protocol: backends.TCP, ClusterIP: test.vip.Addr(), Port: test.vip.Port(),
					InternalLocal: test.internal, Endpoints: test.endpoints,
				}}})
				err := cell.Prove(t.Context())
				if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("%v, want %q", err, test.want)
				}
			})
		}
	}
}

// proxied is a backend whose endpoints see the node: those that are ready, and no
// others.
type proxied struct{ routed }

func (proxied) Endpoints(p *backends.ServicePort) []backends.Endpoint {
	return slices.DeleteFunc(slices.Clone(p.Endpoints), func(e backends.Endpoint) bool { return !e.Ready() })
}

// A proxy's endpoints are those that it says, and must see the node.
func TestProveKnowsProxies(t *testing.T) {
	node := backends.Node{
		Name:         "node-0",
		Addrs:        []netip.Addr{netip.MustParseAddr("192.168.0.1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9")},
	}
	vip := netip.AddrPortFrom(node.EndpointHostCIDRs(backends.IPv4)[0].Addr().Next(), 8080)
	state := &backends.State{Node: node, Services: []backends.ServicePort{{
		Namespace: "test", Name: "a", Protocol: backends.TCP, ClusterIP: vip.Addr(), Port: vip.Port(),
		InternalLocal: true, Endpoints: []backends.Endpoint{{Addr: vip}},
	}}}
	cell := cellOf(t, proxied{}, state)
	// The lab's endpoint answers itself here, and sees the pod.
	if err := cell.Prove(t.Context()); err == nil || !strings.Contains(err.Error(), "no address of the node's proxy") {
		t.Errorf("of a proxy that hides nobody: %v", err)
	}
	state.Node.Addrs = append(state.Node.Addrs, lab.ClientAddr(&node, backends.IPv4)) // now that is the node's
	if err := cell.Prove(t.Context()); err != nil {
		t.Errorf("of a right proxy: %v", err)
	}
	state.Services[0].Endpoints[0].Conditions = backends.NotReady | backends.Terminating
	if err := cell.Prove(t.Context()); err == nil || !strings.Contains(err.Error(), "the node has no endpoint for it") {
		t.Errorf("of an endpoint that the proxy does not ask: %v", err)
	}
}
