package backendtest

import (
	"net/netip"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
)

// dualNode is node with IPv6 beside its IPv4.
func dualNode() backends.Node {
	n, six := node(), nodeIPv6()
	n.Addrs = append(n.Addrs, six.Addrs...)
	n.ClusterCIDRs = append(n.ClusterCIDRs, six.ClusterCIDRs...)
	n.ServiceCIDRs = append(n.ServiceCIDRs, six.ServiceCIDRs...)
	return n
}

// nodeIPv6 has no address in IPv4.
func nodeIPv6() backends.Node {
	return backends.Node{
		Name:         "node-0",
		Addrs:        []netip.Addr{netip.MustParseAddr("fd00:1::1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("fd00:10:128::/48")},
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("fd00:10:96::/112")},
	}
}

// endpointPort is where every endpoint of a behaviour listens, and otherPort
// where the outside host answers.
const (
	endpointPort = 8080
	otherPort    = 7000
)

// addresses deals out a family's addresses by number.
type addresses struct {
	family backends.Family
	node   *backends.Node
}

func (a addresses) nodeAddr() netip.Addr { return a.node.Addr(a.family) }
func (a addresses) gateway() netip.Addr  { return a.node.PodCIDR(a.family).Addr().Next() }
func (a addresses) client() netip.Addr   { return lab.ClientAddr(a.node, a.family) }

// vip is a ClusterIP; below 256 they are other states'.
func (a addresses) vip(n int) netip.Addr { return plus(a.node.ServiceCIDR(a.family).Addr(), 0x4000+n) }

// external is an address beyond the node that is routed to it: an external IP or
// a load balancer's.
func (a addresses) external(n int) netip.Addr {
	base := netip.MustParseAddr("203.0.113.0")
	if a.family == backends.IPv6 {
		base = netip.MustParseAddr("2001:db8::")
	}
	return plus(base, n)
}

// outside is an address of the outside host.
func (a addresses) outside(n int) netip.Addr { return plus(lab.OutsideCIDR(a.family).Addr(), n) }

// remote is an endpoint on one of the endpoint hosts, which take turns.
func (a addresses) remote(n int) backends.Endpoint {
	return at(plus(a.node.EndpointHostCIDRs(a.family)[n%2].Addr(), 0x1000+n), false)
}

// local is an endpoint on the node.
func (a addresses) local(n int) backends.Endpoint {
	return at(plus(a.node.PodCIDR(a.family).Addr(), 16+n), true)
}

func (a addresses) remotes(n int) []backends.Endpoint {
	var list []backends.Endpoint
	for i := range n {
		list = append(list, a.remote(i))
	}
	return list
}

func at(addr netip.Addr, local bool) backends.Endpoint {
	return backends.Endpoint{Addr: netip.AddrPortFrom(addr, endpointPort), Local: local}
}

// condition is an endpoint under conditions.
func condition(e backends.Endpoint, c backends.Conditions) backends.Endpoint {
	e.Conditions = c
	return e
}

// service is the ServicePort of number n: number n is its ClusterIP, and its
// NodePort and outer address once it asks for them.
func (a addresses) service(n int, name string, proto backends.Protocol, endpoints ...backends.Endpoint) backends.ServicePort {
	p := backends.ServicePort{
		Namespace: "behaviours", Name: name, Protocol: proto, ClusterIP: a.vip(n), Port: 80,
		Endpoints: append([]backends.Endpoint(nil), endpoints...),
	}
	backends.SortEndpoints(p.Endpoints)
	return p
}

// nodePort is the NodePort of number n.
func nodePort(n int) uint16 { return uint16(30000 + n) }

// plus is the n-th address after one.
func plus(a netip.Addr, n int) netip.Addr {
	raw := a.AsSlice()
	for i := len(raw) - 1; n > 0; i-- {
		n += int(raw[i])
		raw[i] = byte(n)
		n >>= 8
	}
	sum, _ := netip.AddrFromSlice(raw)
	return sum
}
