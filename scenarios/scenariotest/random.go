// Package scenariotest makes Services for tests.
package scenariotest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/scenarios"
)

// Node is a node of the random clusters, of both families and with a zone.
func Node() backends.Node {
	return backends.Node{
		Name: "node-0", Zone: "zone-0",
		Addrs:        []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("fd00:c0a8::1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9"), netip.MustParsePrefix("fd00:80::/48")},
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("fd00:60::/108")},
	}
}

// Services are n random Services, sorted, of every kind and with every feature
// that the API has and the dataplane depends on, such that the API server would
// hold them together. No two share an address and a port; of their endpoints
// some come twice.
func Services(r *rand.Rand, n int) []scenarios.Service {
	list := make([]scenarios.Service, n)
	for i := range list {
		list[i] = service(r, i)
	}
	return list
}

func service(r *rand.Rand, i int) scenarios.Service {
	s := scenarios.Service{
		Namespace: fmt.Sprintf("ns-%04d", i/7), Name: fmt.Sprintf("app-%05d", i),
		Type:       pick(r, scenarios.ClusterIP, scenarios.ClusterIP, scenarios.NodePort, scenarios.LoadBalancer, scenarios.ExternalName),
		OtherProxy: r.IntN(20) == 0,
	}
	if s.Type == scenarios.ExternalName {
		return s
	}
	v4, v6 := numbered("10.96.0.0", i+2), numbered("fd00:60::", i+2)
	switch r.IntN(6) {
	case 0:
		s.ClusterIPs = []netip.Addr{v4, v6}
	case 1:
		s.ClusterIPs = []netip.Addr{v6, v4}
	case 2:
		s.ClusterIPs = []netip.Addr{v6}
	case 3:
		if s.Type == scenarios.ClusterIP {
			return s // headless
		}
		fallthrough
	default:
		s.ClusterIPs = []netip.Addr{v4}
	}
	ports(r, i, &s)
	external(r, i, &s)
	s.InternalLocal = r.IntN(4) == 0
	if r.IntN(3) == 0 {
		s.AffinitySeconds = pick[uint32](r, 1, 10800, backends.MaxAffinitySeconds)
	}
	endpoints(r, &s)
	return s
}

func ports(r *rand.Rand, i int, s *scenarios.Service) {
	n := pick(r, 1, 1, 1, 2, 3)
	for j := range n {
		p := scenarios.Port{Protocol: pick(r, "TCP", "TCP", "UDP", "SCTP"), Port: uint16(80 + j)}
		if n > 1 || r.IntN(2) == 0 {
			p.Name = fmt.Sprintf("p%d", j)
		}
		if s.Type == scenarios.NodePort || s.Type == scenarios.LoadBalancer && r.IntN(4) > 0 {
			p.NodePort = uint16(20000 + 4*i + j)
		}
		s.Ports = append(s.Ports, p)
	}
}

func external(r *rand.Rand, i int, s *scenarios.Service) {
	if r.IntN(5) == 0 {
		s.ExternalIPs = append(s.ExternalIPs, numbered("198.19.0.0", 1+i))
	}
	if r.IntN(5) == 0 {
		s.ExternalIPs = append(s.ExternalIPs, numbered("2001:db8:1::", 1+i))
	}
	s.ExternalLocal = s.ExternallyAccessible() && r.IntN(2) == 0
	if s.Type != scenarios.LoadBalancer {
		return
	}
	if s.ExternalLocal {
		s.HealthCheckNodePort = uint16(20000 + 4*i + 3)
	}
	for j := range r.IntN(3) {
		s.Ingress = append(s.Ingress, scenarios.Ingress{
			Addr: pick(r, numbered("198.18.0.0", 1+2*i+j), numbered("2001:db8:2::", 1+2*i+j)), Proxy: r.IntN(3) == 0,
		})
	}
	for range r.IntN(3) {
		s.SourceRanges = append(s.SourceRanges, netip.MustParsePrefix(pick(r, "10.0.0.0/8", "10.1.2.3/16", "192.0.2.7/32", "2001:db8::/32", "0.0.0.0/0", "::/0")))
	}
}

func endpoints(r *rand.Rand, s *scenarios.Service) {
	for range pick(r, 0, 1, 1, 2) {
		var set scenarios.Subset
		for j, p := range s.Ports {
			if r.IntN(8) > 0 {
				set.Ports = append(set.Ports, scenarios.TargetPort{Name: p.Name, Protocol: p.Protocol, Port: uint16(8080 + j*r.IntN(2))})
			}
		}
		if len(set.Ports) == 0 {
			continue
		}
		for range pick(r, 1, 2, 5, 5, 130) {
			set.Endpoints = append(set.Endpoints, endpoint(r))
		}
		s.Endpoints = append(s.Endpoints, set)
	}
}

func endpoint(r *rand.Rand) scenarios.Endpoint {
	e := scenarios.Endpoint{
		Addr:     pick(r, numbered("10.160.0.0", 1+r.IntN(60)), numbered("fd00:80:0:4000::", 1+r.IntN(60))),
		NotReady: r.IntN(4) == 0, NotServing: r.IntN(4) == 0, Terminating: r.IntN(4) == 0,
	}
	if node := r.IntN(4); node < 3 {
		e.Node = fmt.Sprintf("node-%d", node)
	}
	if r.IntN(3) == 0 {
		e.Zones = []string{"zone-0", "zone-1"}[r.IntN(2):]
	}
	if r.IntN(6) == 0 {
		e.Nodes = []string{"node-0", "node-1"}[r.IntN(2):]
	}
	return e
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// numbered is the n-th address behind base.
func numbered(base string, n int) netip.Addr {
	raw := netip.MustParseAddr(base).AsSlice()
	tail := raw[len(raw)-4:]
	binary.BigEndian.PutUint32(tail, binary.BigEndian.Uint32(tail)+uint32(n))
	a, _ := netip.AddrFromSlice(raw)
	return a
}
