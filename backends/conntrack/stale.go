// Package conntrack mends what the kernel's connection tracking remembers of
// flows through VIPs, for the backends that translate addresses with it.
package conntrack

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// DropStale deletes the entries of UDP flows to a VIP of the state that lead to
// none of its endpoints. A UDP flow has no end: its packets would follow the
// entry to an endpoint that is gone for as long as they keep coming. As in
// kube-proxy, Services without endpoints and VIPs that are gone keep their
// entries until they time out.
func DropStale(state *backends.State) error {
	stale := staleFlows{}
	for i := range state.Services {
		p := &state.Services[i]
		if p.Protocol != backends.UDP || len(p.Endpoints) == 0 {
			continue
		}
		to := make(map[netip.AddrPort]bool, len(p.Endpoints))
		for _, e := range p.Endpoints {
			to[e.Addr] = true
		}
		stale[p.VIP()] = to
	}
	if len(stale) == 0 {
		return nil
	}
	return stale.drop()
}

// Probe reports whether entries can be read and deleted here. It deletes none.
func Probe() error { return staleFlows{}.drop() }

// staleFlows are the endpoints of each UDP VIP.
type staleFlows map[netip.AddrPort]map[netip.AddrPort]bool

// tries bounds how often a dump is repeated. One that entries' changes
// interrupted may have missed some.
const tries = 5

func (s staleFlows) drop() error {
	var err error = netlink.ErrDumpInterrupted
	for i := 0; i < tries && errors.Is(err, netlink.ErrDumpInterrupted); i++ {
		_, err = netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, s)
	}
	if err != nil {
		return fmt.Errorf("deleting stale UDP conntrack entries (module nf_conntrack_netlink): %w", err)
	}
	return nil
}

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (s staleFlows) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if flow.Forward.Protocol != unix.IPPROTO_UDP {
		return false
	}
	to, ours := s[addrPort(flow.Forward.DstIP, flow.Forward.DstPort)]
	return ours && !to[addrPort(flow.Reverse.SrcIP, flow.Reverse.SrcPort)]
}

func addrPort(ip []byte, port uint16) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), port)
}
