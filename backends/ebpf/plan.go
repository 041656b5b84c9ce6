package ebpf

import (
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// service is what is programmed of a ServicePort.
type service struct {
	own, all  []backends.Endpoint // of the ClusterIP, of the other addresses
	vips      []frontend          // the ClusterIP first
	affinity  uint32              // seconds
	endpoints [2]run              // of own and of all; one run when they are the same
}

// newService is nil for what these programs cannot serve. Clients are all on the
// node: to them the policy externalTrafficPolicy Local means nothing, as with
// kube-proxy, and no source range keeps them out.
func newService(n *backends.Node, p *backends.ServicePort) *service {
	proto := protocolNumber(p.Protocol)
	if proto == 0 {
		return nil
	}
	r := p.Reachable(n)
	s := &service{own: r.Cluster, affinity: p.AffinitySeconds, vips: []frontend{newFrontend(p.VIP(), proto)}}
	if p.InternalLocal {
		s.own, s.all = r.Local, r.Cluster
	}
	for _, list := range [][]netip.Addr{p.ExternalIPs, p.LoadBalancerIPs} {
		for _, a := range list {
			s.vips = append(s.vips, newFrontend(netip.AddrPortFrom(a, p.Port), proto))
		}
	}
	if p.NodePort != 0 {
		for _, a := range n.Addrs {
			if backends.FamilyOf(a) == p.Family() {
				s.vips = append(s.vips, newFrontend(netip.AddrPortFrom(a, p.NodePort), proto))
			}
		}
	}
	if !p.InternalLocal {
		s.all = s.own
	}
	return s
}

// lists are the endpoints' runs that the service needs.
func (s *service) lists() [][]backends.Endpoint {
	if len(s.own) == len(s.all) && (len(s.own) == 0 || &s.own[0] == &s.all[0]) || len(s.vips) == 1 {
		return [][]backends.Endpoint{s.own}
	}
	return [][]backends.Endpoint{s.own, s.all}
}
