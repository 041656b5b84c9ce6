package iptables

import (
	"fmt"
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

func testNode() backends.Node {
	return backends.Node{
		Name:         "node-0",
		Addrs:        []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("fd00:192::1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9"), netip.MustParsePrefix("fd00:10::/32")},
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("fd00:96::/112")},
	}
}

// uniform is a state of TCP Services that have equally many endpoints.
func uniform(services, endpoints int) *backends.State {
	s := &backends.State{Node: testNode(), Services: make([]backends.ServicePort, services)}
	vip, endpoint := netip.MustParseAddr("10.96.0.1"), netip.MustParseAddr("10.160.0.1")
	for i := range s.Services {
		p := &s.Services[i]
		*p = backends.ServicePort{
			Namespace: "default", Name: fmt.Sprintf("svc-%06d", i), PortName: "http",
			Protocol: backends.TCP, ClusterIP: vip, Port: 80,
			Endpoints: make([]backends.Endpoint, endpoints),
		}
		vip = vip.Next()
		for j := range p.Endpoints {
			p.Endpoints[j].Addr = netip.AddrPortFrom(endpoint, 8080)
			endpoint = endpoint.Next()
		}
		backends.SortEndpoints(p.Endpoints)
	}
	return s
}

// small is a state of a few ServicePorts.
func small() *backends.State {
	endpoint := func(s string) backends.Endpoint { return backends.Endpoint{Addr: netip.MustParseAddrPort(s)} }
	return &backends.State{Node: testNode(), Services: []backends.ServicePort{
		{Namespace: "kube-system", Name: "dns", PortName: "dns", Protocol: backends.UDP, ClusterIP: netip.MustParseAddr("10.96.0.10"), Port: 53,
			Endpoints: []backends.Endpoint{endpoint("10.160.0.1:5353")}},
		{Namespace: "ns1", Name: "empty", Protocol: backends.TCP, ClusterIP: netip.MustParseAddr("10.96.0.12"), Port: 443},
		{Namespace: "ns1", Name: "svc1", PortName: "p80", Protocol: backends.TCP, ClusterIP: netip.MustParseAddr("10.96.0.11"), Port: 80,
			Endpoints: []backends.Endpoint{endpoint("10.160.0.2:8080"), endpoint("10.160.0.3:8080"), endpoint("10.192.0.1:8080")}},
	}}
}
