package direct_test

import (
	"net/netip"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/direct"
)

func TestTarget(t *testing.T) {
	first, second := netip.MustParseAddrPort("10.160.0.1:8080"), netip.MustParseAddrPort("10.192.0.1:8080")
	p := &backends.ServicePort{
		ClusterIP: netip.MustParseAddr("10.96.0.1"), Port: 80,
		Endpoints: []backends.Endpoint{{Addr: first}, {Addr: second}},
	}
	if got := (direct.Backend{}).Target(p); got != first {
		t.Errorf("Target = %s, want the first endpoint %s", got, first)
	}
	p.Endpoints = nil
	if got := (direct.Backend{}).Target(p); got != p.VIP() {
		t.Errorf("Target without endpoints = %s, want the VIP %s", got, p.VIP())
	}
}
