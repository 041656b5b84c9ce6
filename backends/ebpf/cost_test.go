package ebpf_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/socket"
	"github.com/svcmark/svcmark/backends/ebpf/tc"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/lab"
)

// many is a state of n Services with e endpoints each.
func many(n, e int) *backends.State {
	s := &backends.State{Node: backends.Node{
		Name: "node-0", Addrs: []netip.Addr{netip.MustParseAddr("192.168.0.1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9")},
	}}
	vip, endpoint := netip.MustParseAddr("10.96.0.1"), netip.MustParseAddr("10.160.0.1")
	for i := range n {
		p := backends.ServicePort{
			Namespace: "default", Name: fmt.Sprintf("svc-%06d", i), PortName: "http", Protocol: backends.TCP,
			ClusterIP: vip, Port: 80,
		}
		vip = vip.Next()
		for range e {
			p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: netip.AddrPortFrom(endpoint, 8080)})
			endpoint = endpoint.Next()
		}
		backends.SortEndpoints(p.Endpoints)
		s.Services = append(s.Services, p)
	}
	return s
}

// probed reports whether a backend can run here: in the microVM each must.
func probed(t *testing.T, b backends.Backend) bool {
	t.Helper()
	err := b.Probe(t.Context())
	if err != nil && (!errors.Is(err, backends.ErrNotSupported) || os.Getenv(lab.NodeEnv) == "vm") {
		t.Fatal(err)
	}
	return err == nil
}

// synced is what a full sync from empty takes by the lab's clock.
func synced(t *testing.T, b backends.Backend, state *backends.State) int64 {
	t.Helper()
	start := lab.Now()
	if err := b.Sync(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	took := lab.Now() - start
	if err := b.Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
	return took
}

// A full sync from empty takes at most a fifth of what IPVS takes, on the same clock:
// instructions in the microVM.
func TestCostAgainstIPVS(t *testing.T) {
	other := ipvs.New(ipvs.Options{Iptables: "iptables-legacy"})
	if !probed(t, other) {
		t.Log("there is nothing to compare with on this kernel")
		return
	}
	state := many(10_000, 3)
	most := synced(t, other, state)
	for name, ours := range map[string]backends.Backend{
		"ebpf-socket": socket.New(), "ebpf-tc": tc.New(tc.Random), "ebpf-tc-maglev": tc.New(tc.Maglev),
	} {
		if !probed(t, ours) {
			continue
		}
		took := synced(t, ours, state)
		t.Logf("%s, 10,000 Services of 3 endpoints: %d, IPVS %d: %.1f times as much", name, took, most, float64(most)/float64(took))
		if took*5 > most {
			t.Errorf("a full sync of %s takes %d, which is more than a fifth of IPVS's %d", name, took, most)
		}
	}
}
