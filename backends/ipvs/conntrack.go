package ipvs

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// staleFlows matches conntrack entries of UDP flows to a VIP that lead to none
// of its real servers, by what each UDP VIP has.
type staleFlows map[vip]map[dest]bool

// dropStaleFlows deletes them. With vs/conntrack=1 an entry outlives its real
// server, and the next packet of the flow is lost on it. As with kube-proxy,
// VIPs without real servers keep theirs until they time out.
func (w *want) dropStaleFlows() error {
	stale := make(staleFlows)
	for _, s := range w.servers {
		if s.proto != unix.IPPROTO_UDP || len(s.dests) == 0 {
			continue
		}
		to := make(map[dest]bool, len(s.dests))
		for _, d := range s.dests {
			to[d] = true
		}
		stale[s.vip] = to
	}
	if len(stale) == 0 {
		return nil
	}
	var err error = netlink.ErrDumpInterrupted
	for i := 0; i < dumpTries && errors.Is(err, netlink.ErrDumpInterrupted); i++ {
		_, err = netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, stale)
	}
	if err != nil {
		return fmt.Errorf("deleting stale UDP conntrack entries (module nf_conntrack_netlink): %w", err)
	}
	return nil
}

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (s staleFlows) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	to, ours := s[vip{addr: ipv4(flow.Forward.DstIP), port: flow.Forward.DstPort, proto: flow.Forward.Protocol}]
	return ours && !to[dest{addr: ipv4(flow.Reverse.SrcIP), port: flow.Reverse.SrcPort}]
}

// ipv4 is 0.0.0.0 for what is no IPv4 address.
func ipv4(ip net.IP) (a [4]byte) {
	copy(a[:], ip.To4())
	return a
}
