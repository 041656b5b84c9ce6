package lab

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/svcmark/svcmark/backends"
)

// Extras are what a caller wants around the node beyond what its state calls
// for.
type Extras struct {
	// Outside asks for a host that is neither a pod nor a node: its addresses
	// are those of OutsideCIDR, and it reaches every other host through the
	// node alone.
	Outside bool
	// Beyond are further prefixes that the node finds at the outside host,
	// which holds them: other machines, as far as the node can tell.
	Beyond []netip.Prefix
	// OutsidePorts are what the outside host answers on, over TCP and UDP, at
	// all its addresses.
	OutsidePorts []uint16
}

// OutsideCIDR is the range of the outside host: every address of it is the
// host's own, and the first is the one that it sends from by itself. The ranges
// are for documentation (RFC 5737, RFC 9637), where no Service or pod is.
func OutsideCIDR(f backends.Family) netip.Prefix {
	if f == backends.IPv6 {
		return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x3f, 0xff}), 64) // 3fff::/64
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, 0}), 24)
}

// OutsideAddr is the outside host's address of a family.
func OutsideAddr(f backends.Family) netip.Addr { return OutsideCIDR(f).Addr().Next() }

// plan is what a state and its caller ask of a topology.
type plan struct {
	state    *backends.State
	extras   Extras
	families []family
	pods     bool // local endpoints beside the client
}

// family is the node in one IP family.
type family struct {
	node    netip.Addr
	podCIDR netip.Prefix
	hosts   [2]netip.Prefix
	shared  bool // the pods host has part of the node's pod range
}

func newPlan(state *backends.State, extras Extras) (*plan, error) {
	p := &plan{state: state, extras: extras}
	n := &state.Node
	for i := range state.Services {
		s := &state.Services[i]
		for _, e := range s.Endpoints {
			p.pods = p.pods || e.Local && e.Addr.Addr() != ClientAddr(n, s.Family())
		}
	}
	for _, f := range backends.Families() {
		addr := n.Addr(f)
		if !addr.IsValid() {
			continue
		}
		pods := n.PodCIDR(f)
		if !pods.IsValid() {
			return nil, fmt.Errorf("the node has the address %s and no cluster CIDR of its family in which pods could be", addr)
		}
		p.families = append(p.families, family{addr, pods, n.EndpointHostCIDRs(f), p.pods})
	}
	if len(p.families) == 0 {
		return nil, fmt.Errorf("the node %q has no address", n.Name)
	}
	if p.uses(backends.SCTP) {
		return p, SCTP()
	}
	return p, nil
}

// uses reports whether the state has ServicePorts of a protocol with endpoints.
func (p *plan) uses(proto backends.Protocol) bool {
	for i := range p.state.Services {
		if s := &p.state.Services[i]; s.Protocol == proto && len(s.Endpoints) > 0 {
			return true
		}
	}
	return false
}

// ready makes the calling thread's namespace ready for the families.
func (p *plan) ready() error {
	return switchIPv6(slices.ContainsFunc(p.families, func(f family) bool { return f.node.Is6() }))
}

// client is a pod: the gateway is the first of the pod range. Where others share
// the range the client is told nothing of it, and so asks the node for them.
func (f family) client() ends {
	gateway := f.podCIDR.Addr().Next()
	if f.shared {
		self := only(gateway.Next())
		return ends{near: only(gateway), far: self, routes: []netip.Prefix{self}}
	}
	return ends{near: netip.PrefixFrom(gateway, f.podCIDR.Bits()), far: netip.PrefixFrom(gateway.Next(), f.podCIDR.Bits())}
}

// pods are all pods on the node but the client.
func (f family) pods() ends {
	gateway := f.podCIDR.Addr().Next()
	client := gateway.Next()
	return ends{
		near: only(gateway), far: only(client.Next()),
		routes: []netip.Prefix{f.podCIDR}, holds: []netip.Prefix{f.podCIDR}, except: []netip.Addr{gateway, client},
	}
}

// endpoints is the i-th endpoint host: the node's neighbour, with the next
// address.
func (f family) endpoints(i int) ends {
	uplink := f.node.Next()
	if i == 1 {
		uplink = uplink.Next()
	}
	held := []netip.Prefix{f.hosts[i]}
	return ends{near: only(f.node), far: only(uplink), routes: held, holds: held}
}

func (f family) outside(beyond []netip.Prefix) ends {
	of := backends.FamilyOf(f.node)
	held := []netip.Prefix{OutsideCIDR(of)}
	for _, p := range beyond {
		if backends.FamilyOf(p.Addr()) == of {
			held = append(held, p)
		}
	}
	return ends{near: only(f.node), far: only(OutsideAddr(of)), routes: held, holds: held}
}

// defaultRoutes lead to the first endpoint host. kube-proxy wants one, and
// packets that the node itself sends to a VIP need one before they can be
// rewritten.
func (p *plan) defaultRoutes(node *netlink.Handle) error {
	eth0, err := node.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("finding the node's uplink: %w", err)
	}
	for _, f := range p.families {
		if err := via(node, eth0, everywhere(f.node), f.node.Next(), 0); err != nil {
			return err
		}
	}
	return nil
}
