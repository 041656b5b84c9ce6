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

// DropStale deletes the entries of UDP flows to a ServicePort of the state, by
// any of its addresses or its node port, that lead to none of its serving
// endpoints. A UDP flow has no end: its packets would follow the entry to an
// endpoint that is gone for as long as they keep coming. As in kube-proxy
// (pkg/proxy/conntrack/cleanup.go), ServicePorts without serving endpoints and
// VIPs that are gone keep their entries until they time out.
func DropStale(state *backends.State) error {
	var s staleFlows
	for i := range state.Services {
		s.add(&state.Services[i])
	}
	return s.drop()
}

// DropStaleAfter is DropStale for the ServicePorts that a Delta changes, which
// is enough after it.
func DropStaleAfter(delta *backends.Delta) error {
	var s staleFlows
	for _, c := range delta.Changes {
		if c.New != nil {
			s.add(c.New)
		}
	}
	return s.drop()
}

// Probe reports whether entries can be read and deleted here. It deletes none.
func Probe() error {
	none := staleFlows{families: [2]bool{true, false}}
	return none.drop()
}

// endpoints are those that a flow may lead to.
type endpoints map[netip.AddrPort]bool

// staleFlows says which flows are stale: those to a VIP, or to a node port on
// any address, that lead elsewhere than to its endpoints.
type staleFlows struct {
	vips      map[netip.AddrPort]endpoints
	nodePorts [2]map[uint16]endpoints // by family: IPv4, IPv6
	families  [2]bool                 // those that have any
}

func (s *staleFlows) add(p *backends.ServicePort) {
	if p.Protocol != backends.UDP {
		return
	}
	to := endpoints{}
	for i := range p.Endpoints {
		if e := &p.Endpoints[i]; e.Serving() {
			to[e.Addr] = true
		}
	}
	if len(to) == 0 {
		return
	}
	f := familyIndex(p.ClusterIP)
	s.families[f] = true
	if s.vips == nil {
		s.vips = map[netip.AddrPort]endpoints{}
	}
	s.vips[p.VIP()] = to
	for _, list := range [][]netip.Addr{p.LoadBalancerIPs, p.ExternalIPs} {
		for _, a := range list {
			s.vips[netip.AddrPortFrom(a, p.Port)] = to
		}
	}
	if p.NodePort != 0 {
		if s.nodePorts[f] == nil {
			s.nodePorts[f] = map[uint16]endpoints{}
		}
		s.nodePorts[f][p.NodePort] = to
	}
}

func familyIndex(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// tries bounds how often a dump is repeated. One that entries' changes
// interrupted may have missed some.
const tries = 5

func (s *staleFlows) drop() error {
	for i, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		if !s.families[i] {
			continue
		}
		if err := Delete(family, s); err != nil {
			return err
		}
	}
	return nil
}

// Delete deletes the entries of a family that a filter of UDP flows matches.
func Delete(family netlink.InetFamily, filter netlink.CustomConntrackFilter) error {
	var err error = netlink.ErrDumpInterrupted
	for i := 0; i < tries && errors.Is(err, netlink.ErrDumpInterrupted); i++ {
		_, err = netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, filter)
	}
	if err != nil {
		return fmt.Errorf("deleting stale UDP conntrack entries (module nf_conntrack_netlink): %w", err)
	}
	return nil
}

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (s *staleFlows) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if flow.Forward.Protocol != unix.IPPROTO_UDP {
		return false
	}
	dialed := addrPort(flow.Forward.DstIP, flow.Forward.DstPort)
	answers := addrPort(flow.Reverse.SrcIP, flow.Reverse.SrcPort)
	if to, ours := s.vips[dialed]; ours && !to[answers] {
		return true
	}
	to, ours := s.nodePorts[familyIndex(dialed.Addr())][dialed.Port()]
	return ours && !to[answers]
}

func addrPort(ip []byte, port uint16) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), port)
}
