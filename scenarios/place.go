package scenarios

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/svcmark/svcmark/backends"
)

// Place is the State in a cluster CIDR that is dealt out as backends.Node says,
// which is where a lab has its endpoints: a listed cluster deals out its own
// otherwise. A family whose endpoints are all in their place stays as it is. Of
// another every endpoint moves: two of one address to one address, the node's
// own to the node's range, the others in turn to the endpoint hosts. What that
// changes is addresses, and with them the order of a Service's endpoints;
// nothing else. An error says that the lab has no room for them.
func Place(state *backends.State) (*backends.State, error) {
	placed := state
	for _, f := range backends.Families() {
		if !placed.Node.Addr(f).IsValid() || inPlace(placed, f) {
			continue
		}
		p := placer{family: f, moved: map[pod]netip.Addr{}}
		if err := p.choose(placed); err != nil {
			return nil, err
		}
		moved, err := p.move(placed)
		if err != nil {
			return nil, err
		}
		placed = moved
	}
	return placed, nil
}

// inPlace reports whether the lab finds every endpoint of a family where it is,
// and has a place for the client.
func inPlace(state *backends.State, f backends.Family) bool {
	n := &state.Node
	pods, hosts := n.PodCIDR(f), n.EndpointHostCIDRs(f)
	if !pods.IsValid() {
		return false
	}
	for i := range state.Services {
		p := &state.Services[i]
		if p.Family() != f {
			continue
		}
		for _, e := range p.Endpoints {
			a := e.Addr.Addr()
			if e.Local && (!pods.Contains(a) || a == pods.Addr() || a == pods.Addr().Next()) || !e.Local && !hosts[0].Contains(a) && !hosts[1].Contains(a) {
				return false
			}
		}
	}
	return true
}

// placer moves the endpoints of one family.
type placer struct {
	family        backends.Family
	cidr          netip.Prefix
	node          backends.Node
	moved         map[pod]netip.Addr
	local, remote int
}

// pod is an address, and whether it is said to be on the node: one of which both
// is said, by a stale EndpointSlice, becomes two.
type pod struct {
	addr  netip.Addr
	local bool
}

// choose finds a cluster CIDR that holds nothing of the cluster but its pods.
func (p *placer) choose(state *backends.State) error {
	var used []netip.Addr
	used = append(used, state.Node.Addrs...)
	for i := range state.Services {
		s := &state.Services[i]
		used = append(append(append(used, s.ClusterIP), s.ExternalIPs...), s.LoadBalancerIPs...)
	}
	candidates, ok := podCandidates(p.family), false
	if p.cidr, ok = vacant(candidates, used, state.Node.ServiceCIDR(p.family)); !ok {
		return fmt.Errorf("no room for the lab's pods: the cluster has addresses in all of %v", candidates)
	}
	return nil
}

// podCandidates are ranges that pods can be in.
func podCandidates(f backends.Family) []netip.Prefix {
	texts := []string{"10.128.0.0/9", "10.0.0.0/9", "172.16.0.0/12", "100.64.0.0/10", "11.0.0.0/8"}
	if f == backends.IPv6 {
		texts = []string{"fd00:80::/48", "fd80:80::/48"}
	}
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// vacant is the first of several ranges that holds none of the addresses and does not
// overlap the range of Services, where there is one.
func vacant(candidates []netip.Prefix, used []netip.Addr, service netip.Prefix) (netip.Prefix, bool) {
	for _, c := range candidates {
		taken := service.IsValid() && service.Overlaps(c) || slices.ContainsFunc(used, c.Contains)
		if !taken {
			return c, true
		}
	}
	return netip.Prefix{}, false
}

func (p *placer) move(state *backends.State) (*backends.State, error) {
	moved := &backends.State{Node: state.Node, Services: slices.Clone(state.Services), Unserved: state.Unserved}
	moved.Node.ClusterCIDRs = slices.DeleteFunc(slices.Clone(state.Node.ClusterCIDRs), func(c netip.Prefix) bool { return backends.FamilyOf(c.Addr()) == p.family })
	moved.Node.ClusterCIDRs = append(moved.Node.ClusterCIDRs, p.cidr)
	p.node = moved.Node
	for i := range moved.Services {
		s := &moved.Services[i]
		if s.Family() != p.family || len(s.Endpoints) == 0 {
			continue
		}
		s.Endpoints = slices.Clone(s.Endpoints)
		for j := range s.Endpoints {
			e := &s.Endpoints[j]
			a, err := p.place(e.Addr.Addr(), e.Local)
			if err != nil {
				return nil, err
			}
			e.Addr = netip.AddrPortFrom(a, e.Addr.Port())
		}
		backends.SortEndpoints(s.Endpoints)
	}
	return moved, nil
}

// place gives an address its place.
func (p *placer) place(old netip.Addr, local bool) (netip.Addr, error) {
	if a, ok := p.moved[pod{old, local}]; ok {
		return a, nil
	}
	var a netip.Addr
	if local {
		if p.local == LocalPods {
			return a, fmt.Errorf("the node has more than %d pods behind Services; the lab has room for no more: take another node, or the cluster fewer times", LocalPods)
		}
		a = behind(p.node.PodCIDR(p.family).Addr(), uint32(firstPod+p.local))
		p.local++
	} else {
		host := p.node.EndpointHostCIDRs(p.family)[p.remote%2]
		n := p.remote/2 + 2
		if n > room(host) {
			return a, fmt.Errorf("the cluster has more than %d endpoints; the lab has room for no more", p.remote)
		}
		a = behind(host.Addr(), uint32(n))
		p.remote++
	}
	p.moved[pod{old, local}] = a
	return a, nil
}
