package conntrack

import (
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

func TestStaleFlows(t *testing.T) {
	var stale staleFlows
	stale.add(&backends.ServicePort{
		Protocol: backends.UDP, ClusterIP: netip.MustParseAddr("10.96.0.10"), Port: 53, NodePort: 30053,
		ExternalIPs:     []netip.Addr{netip.MustParseAddr("198.51.100.1")},
		LoadBalancerIPs: []netip.Addr{netip.MustParseAddr("203.0.113.1")},
		Endpoints: []backends.Endpoint{
			{Addr: netip.MustParseAddrPort("10.160.0.1:5353")},
			{Addr: netip.MustParseAddrPort("10.160.0.8:5353"), Conditions: backends.NotReady | backends.Terminating},
			{Addr: netip.MustParseAddrPort("10.160.0.9:5353"), Conditions: backends.NotReady | backends.NotServing},
		},
	})
	stale.add(&backends.ServicePort{ // over TCP, and without serving endpoints: not looked after
		Protocol: backends.TCP, ClusterIP: netip.MustParseAddr("10.96.0.11"), Port: 53,
		Endpoints: []backends.Endpoint{{Addr: netip.MustParseAddrPort("10.160.0.1:5353")}},
	})
	stale.add(&backends.ServicePort{
		Protocol: backends.UDP, ClusterIP: netip.MustParseAddr("10.96.0.12"), Port: 53,
		Endpoints: []backends.Endpoint{{Addr: netip.MustParseAddrPort("10.160.0.1:5353"), Conditions: backends.NotServing}},
	})
	flow := func(proto uint8, dst string, port uint16, from string, fromPort uint16) *netlink.ConntrackFlow {
		f := &netlink.ConntrackFlow{}
		f.Forward.Protocol, f.Forward.DstIP, f.Forward.DstPort = proto, net.ParseIP(dst), port
		f.Reverse.SrcIP, f.Reverse.SrcPort = net.ParseIP(from), fromPort
		return f
	}
	for _, c := range []struct {
		flow *netlink.ConntrackFlow
		want bool
	}{
		{flow(unix.IPPROTO_UDP, "10.96.0.10", 53, "10.160.0.1", 5353), false},
		{flow(unix.IPPROTO_UDP, "10.96.0.10", 53, "10.160.0.2", 5353), true},
		{flow(unix.IPPROTO_UDP, "10.96.0.10", 53, "10.160.0.1", 53), true},
		{flow(unix.IPPROTO_UDP, "10.96.0.10", 53, "10.96.0.10", 53), true},
		{flow(unix.IPPROTO_TCP, "10.96.0.10", 53, "10.160.0.2", 5353), false},
		{flow(unix.IPPROTO_UDP, "10.96.0.11", 53, "10.160.0.2", 5353), false},
		{flow(unix.IPPROTO_UDP, "10.96.0.12", 53, "10.160.0.2", 5353), false},
		{flow(unix.IPPROTO_UDP, "10.96.0.10", 53, "10.160.0.8", 5353), false},
		{flow(unix.IPPROTO_UDP, "10.96.0.10", 53, "10.160.0.9", 5353), true},
		{flow(unix.IPPROTO_UDP, "198.51.100.1", 53, "10.160.0.2", 5353), true},
		{flow(unix.IPPROTO_UDP, "203.0.113.1", 53, "10.160.0.2", 5353), true},
		{flow(unix.IPPROTO_UDP, "192.168.0.1", 30053, "10.160.0.2", 5353), true},
		{flow(unix.IPPROTO_UDP, "192.168.0.1", 30053, "10.160.0.1", 5353), false},
		{flow(unix.IPPROTO_UDP, "fd00::1", 30053, "fd00::2", 5353), false}, // the node port is IPv4's
		{flow(unix.IPPROTO_UDP, "fd00::1", 53, "fd00::2", 5353), false},
	} {
		if got := stale.MatchConntrackFlow(c.flow); got != c.want {
			t.Errorf("%v: stale %v, want %v", c.flow, got, c.want)
		}
	}
}
