package table

import (
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// Which endpoints of a ServicePort are meant, by traffic policy.
const (
	cluster = iota
	local
	policies
)

// service is what is programmed of a ServicePort.
type service struct {
	lists     [policies][]backends.Endpoint // nil when no vip uses one
	vips      []vip                         // the ClusterIP first
	affinity  uint32                        // seconds
	members   bool                          // clients may stay at an endpoint while it is one
	endpoints [policies]run
	tables    [policies]run // of Maglev
}

// vip is a frontend of a service.
type vip struct {
	key             Frontend
	inside, outside int // policies
	flags           Flags
	ranges          []netip.Prefix
}

// newService is nil for what these programs cannot serve. A policy means nothing to
// sockets but for the ClusterIP: their owners are all on the node, and to those
// externalTrafficPolicy Local gives every endpoint, as kube-proxy does.
func (k Kind) newService(n *backends.Node, p *backends.ServicePort) *service {
	proto := protocolNumber(p.Protocol)
	if proto == 0 {
		return nil
	}
	r := p.Reachable(n)
	s := &service{
		lists: [policies][]backends.Endpoint{cluster: r.Cluster}, affinity: p.AffinitySeconds,
		members: p.AffinitySeconds != 0 || k.Packets && p.Protocol == backends.UDP,
	}
	own := vip{key: newFrontend(p.VIP(), proto)}
	if n.ClusterCIDR(p.Family()).IsValid() {
		own.flags = MasqueradeOutside
	}
	if p.InternalLocal {
		own.inside, own.outside = local, local
	}
	other := vip{flags: MasqueradeOutside | MasqueradePods}
	if p.ExternalLocal && k.Packets {
		other.outside, other.flags = local, 0
	}
	if own.inside == local || other.outside == local {
		s.lists[local] = r.Local
	}
	if r.Any {
		own.flags |= SilentInside | SilentOutside
		other.flags |= SilentInside | SilentOutside
	}
	s.vips = []vip{own}
	more := func(a netip.AddrPort, flags Flags, ranges []netip.Prefix) {
		v := other
		v.key, v.flags, v.ranges = newFrontend(a, proto), v.flags|flags, ranges
		s.vips = append(s.vips, v)
	}
	for _, a := range p.ExternalIPs {
		more(netip.AddrPortFrom(a, p.Port), 0, nil)
	}
	for _, a := range p.LoadBalancerIPs {
		if len(p.SourceRanges) == 0 {
			more(netip.AddrPortFrom(a, p.Port), 0, nil)
		} else {
			more(netip.AddrPortFrom(a, p.Port), Ranges, p.SourceRanges)
		}
	}
	if p.NodePort != 0 {
		for _, a := range n.Addrs {
			if backends.FamilyOf(a) == p.Family() {
				more(netip.AddrPortFrom(a, p.NodePort), NodeAddr, nil)
			}
		}
	}
	if len(s.vips) == 1 && own.inside == local {
		s.lists[cluster] = nil
	}
	return s
}

// version is a number that others do not have whose endpoints differ (FNV-1a, over
// words).
func (s *service) version() uint64 {
	v := uint64(0xcbf29ce484222325)
	add := func(w uint64) { v = (v ^ w) * 0x100000001b3; v ^= v >> 29 }
	for i, list := range s.lists {
		add(uint64(i))
		for j := range list {
			a := list[j].Addr.Addr().As16()
			for k := 0; k < len(a); k += 8 {
				add(uint64(a[k]) | uint64(a[k+1])<<8 | uint64(a[k+2])<<16 | uint64(a[k+3])<<24 |
					uint64(a[k+4])<<32 | uint64(a[k+5])<<40 | uint64(a[k+6])<<48 | uint64(a[k+7])<<56)
			}
			add(uint64(list[j].Addr.Port()))
		}
	}
	return v
}
