package userspace

import (
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/conntrack"
)

// touched are the UDP addresses of a family whose rules have come or gone. A flow that
// conntrack remembers passes by all rules: its packets would go where it led before,
// for as long as they keep coming.
type touched struct {
	family    backends.Family
	addresses map[netip.AddrPort]bool
	nodePorts map[uint16]bool
}

func newTouched(f backends.Family) *touched {
	return &touched{f, map[netip.AddrPort]bool{}, map[uint16]bool{}}
}

func (t *touched) add(p *backends.ServicePort) {
	if p.Protocol != backends.UDP {
		return
	}
	t.addresses[p.VIP()] = true
	for _, list := range [][]netip.Addr{p.ExternalIPs, p.LoadBalancerIPs} {
		for _, a := range list {
			t.addresses[netip.AddrPortFrom(a, p.Port)] = true
		}
	}
	if p.NodePort != 0 {
		t.nodePorts[p.NodePort] = true
	}
}

// forget deletes what conntrack remembers of them.
func (t *touched) forget() error {
	if len(t.addresses) == 0 {
		return nil
	}
	family := netlink.InetFamily(unix.AF_INET)
	if t.family == backends.IPv6 {
		family = unix.AF_INET6
	}
	return conntrack.Delete(family, t)
}

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (t *touched) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if flow.Forward.Protocol != unix.IPPROTO_UDP {
		return false
	}
	to, _ := netip.AddrFromSlice(flow.Forward.DstIP)
	return t.nodePorts[flow.Forward.DstPort] || t.addresses[netip.AddrPortFrom(to.Unmap(), flow.Forward.DstPort)]
}
