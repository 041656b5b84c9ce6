package conntrack

import (
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestStaleFlows(t *testing.T) {
	stale := staleFlows{netip.MustParseAddrPort("10.96.0.10:53"): {netip.MustParseAddrPort("10.160.0.1:5353"): true}}
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
		{flow(unix.IPPROTO_UDP, "fd00::1", 53, "fd00::2", 5353), false},
	} {
		if got := stale.MatchConntrackFlow(c.flow); got != c.want {
			t.Errorf("%v: stale %v, want %v", c.flow, got, c.want)
		}
	}
}
