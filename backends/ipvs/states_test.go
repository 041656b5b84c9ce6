package ipvs

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// NodeOfBoth is a node of both families.
func NodeOfBoth() backends.Node {
	return backends.Node{
		Name: "node-0", Zone: "here",
		Addrs:        []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("fd99::1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9"), netip.MustParsePrefix("fd01::/48")},
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("fd00::/112")},
	}
}

// EveryService is a small state that has every kind of Service, in both families.
func EveryService() *backends.State {
	state := &backends.State{Node: NodeOfBoth()}
	add := func(name, port string, proto backends.Protocol, vip string, endpoints ...string) *backends.ServicePort {
		at := netip.MustParseAddrPort(vip)
		p := backends.ServicePort{Namespace: "ns", Name: name, PortName: port, Protocol: proto, ClusterIP: at.Addr(), Port: at.Port()}
		for _, e := range endpoints {
			p.Endpoints = append(p.Endpoints, endpoint(e))
		}
		backends.SortEndpoints(p.Endpoints)
		state.Services = append(state.Services, p)
		return &state.Services[len(state.Services)-1]
	}
	addrs := func(list ...string) (a []netip.Addr) {
		for _, s := range list {
			a = append(a, netip.MustParseAddr(s))
		}
		return a
	}
	// Both protocols of one VIP, no endpoint, a local endpoint, one that two
	// Services share.
	add("dns", "tcp", backends.TCP, "10.96.0.10:53", "10.160.0.1:5353", "10.192.0.1:5353")
	add("dns", "udp", backends.UDP, "10.96.0.10:53", "10.160.0.1:5353", "10.192.0.1:5353")
	add("empty", "", backends.TCP, "10.96.0.11:80")
	add("local", "", backends.TCP, "10.96.0.12:80", "10.128.0.9:8080", "10.160.0.2:8080")
	add("local-too", "", backends.TCP, "10.96.0.13:443", "10.128.0.9:8080")
	add("sticky", "", backends.TCP, "10.96.0.14:80", "10.160.0.3:80").AffinitySeconds = 10800
	// Node ports of each protocol; with the policy Local with and without local
	// endpoints.
	for i, proto := range []backends.Protocol{backends.TCP, backends.UDP, backends.SCTP} {
		p := add("np", strings.ToLower(string(proto)), proto, "10.96.0.20:80", "10.160.0.4:80")
		p.NodePort = 30000 + uint16(i)
		p = add("np-local", strings.ToLower(string(proto)), proto, "10.96.0.21:80", "10.160.0.4:80", "10.128.0.10:80")
		p.NodePort, p.ExternalLocal = 30010+uint16(i), true
	}
	p := add("np-local-none", "", backends.TCP, "10.96.0.22:80", "10.160.0.4:80")
	p.NodePort, p.ExternalLocal = 30020, true
	add("internal", "", backends.TCP, "10.96.0.23:80", "10.160.0.4:80", "10.128.0.11:80!").InternalLocal = true
	add("internal-none", "", backends.TCP, "10.96.0.24:80", "10.160.0.4:80").InternalLocal = true
	// External addresses, one of which the node has.
	add("ext", "", backends.TCP, "10.96.0.30:80", "10.160.0.5:80").ExternalIPs = addrs("203.0.113.1", "192.168.7.1")
	p = add("ext-local", "", backends.UDP, "10.96.0.31:80", "10.160.0.5:80", "10.128.0.12:80")
	p.ExternalIPs, p.ExternalLocal, p.AffinitySeconds = addrs("203.0.113.2"), true, 60
	// Load balancers: open, for some without and with the node, for the policy
	// Local with a health check.
	add("lb", "", backends.TCP, "10.96.0.40:80", "10.160.0.6:80").LoadBalancerIPs = addrs("198.51.100.1")
	p = add("lb-some", "", backends.TCP, "10.96.0.41:80", "10.160.0.6:80")
	p.LoadBalancerIPs, p.SourceRanges = addrs("198.51.100.2", "198.51.100.3"), prefixes("203.0.113.0/24", "203.0.113.9/32")
	p = add("lb-node", "", backends.SCTP, "10.96.0.42:80", "10.160.0.6:80")
	p.LoadBalancerIPs, p.SourceRanges, p.NodePort = addrs("198.51.100.4"), prefixes("192.168.0.0/16"), 30030
	for i, port := range []string{"a", "b"} {
		p = add("lb-local", port, backends.TCP, fmt.Sprintf("10.96.0.43:%d", 80+i), "10.160.0.6:80", "10.128.0.13:80")
		p.LoadBalancerIPs, p.NodePort, p.ExternalLocal, p.HealthCheckNodePort = addrs("198.51.100.5"), 30040+uint16(i), true, 30050
	}
	// Endpoints that are not ready, and none but those that terminate.
	add("conditions", "", backends.TCP, "10.96.0.50:80", "10.160.0.7:80", "10.160.0.8:80?", "10.128.0.14:80!")
	add("terminating", "", backends.TCP, "10.96.0.51:80", "10.160.0.8:80?", "10.160.0.9:80!")
	// IPv6.
	p = add("six", "", backends.TCP, "[fd00::1]:80", "[fd01::1]:80", "[fd01:0:0:4000::1]:80")
	p.NodePort, p.AffinitySeconds = 30060, 300
	p.ExternalIPs = addrs("2001:db8::1", "fd99:7::1")
	p = add("six", "lb", backends.UDP, "[fd00::1]:81", "[fd01:0:0:4000::1]:81")
	p.LoadBalancerIPs, p.SourceRanges = addrs("2001:db8::2"), prefixes("2001:db8:1::/48", "2001:db8:2::1/128")
	p = add("six", "sctp", backends.SCTP, "[fd00::1]:82", "[fd01::2]:82")
	p.LoadBalancerIPs, p.SourceRanges, p.NodePort, p.ExternalLocal, p.HealthCheckNodePort = addrs("2001:db8::3"), prefixes("fd99::/64"), 30062, true, 30063
	slices.SortFunc(state.Services, func(p, q backends.ServicePort) int { return p.Compare(&q) })
	return state
}

func prefixes(list ...string) (p []netip.Prefix) {
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

// endpoint reads an address and port; "?" says that it is not ready, "!" that it
// serves while it terminates. Those in the node's own pod range are local.
func endpoint(s string) backends.Endpoint {
	var e backends.Endpoint
	switch {
	case strings.HasSuffix(s, "?"):
		e.Conditions = backends.NotReady | backends.NotServing
	case strings.HasSuffix(s, "!"):
		e.Conditions = backends.NotReady | backends.Terminating
	}
	e.Addr = netip.MustParseAddrPort(strings.TrimRight(s, "?!"))
	n := NodeOfBoth()
	e.Local = n.PodCIDR(backends.FamilyOf(e.Addr.Addr())).Contains(e.Addr.Addr())
	return e
}

// Chance makes random states whose ServicePorts share addresses, ports, ranges
// and endpoints as often as the API allows.
type Chance struct{ *rand.Rand }

func (c Chance) addr(f backends.Family, v4, v6 string, n int) netip.Addr {
	base := netip.MustParseAddr(v4)
	if f == backends.IPv6 {
		base = netip.MustParseAddr(v6)
	}
	for range c.IntN(n) {
		base = base.Next()
	}
	return base
}

func (c Chance) endpoints(f backends.Family) (list []backends.Endpoint) {
	seen := map[netip.AddrPort]bool{}
	for range c.IntN(4) {
		base := []string{"10.128.0.9", "fd01::9"}
		local := c.IntN(3) == 0
		if !local {
			base = []string{"10.160.0.9", "fd01:0:0:4000::9"}
		}
		at := netip.AddrPortFrom(c.addr(f, base[0], base[1], 4), uint16(8080+c.IntN(2)))
		if seen[at] {
			continue
		}
		seen[at] = true
		e := backends.Endpoint{Addr: at, Local: local}
		if c.IntN(3) == 0 {
			e.Conditions = backends.Conditions(c.IntN(8))
		}
		if c.IntN(5) == 0 {
			e.Hints = &backends.Hints{Zones: []string{[]string{"here", "there"}[c.IntN(2)]}}
		}
		list = append(list, e)
	}
	backends.SortEndpoints(list)
	return list
}

// servicePort is the i-th ServicePort of a family: its ClusterIP and its node
// port are its own, what else it has is random.
func (c Chance) servicePort(f backends.Family, i int) backends.ServicePort {
	vip := netip.MustParseAddr(map[backends.Family]string{backends.IPv4: "10.96.1.1", backends.IPv6: "fd00::101"}[f])
	for range i / 3 { // three ports a Service
		vip = vip.Next()
	}
	p := backends.ServicePort{
		Namespace: "ns", Name: fmt.Sprintf("svc-%d", i/3), PortName: fmt.Sprintf("p%d", i%3),
		Protocol:  []backends.Protocol{backends.TCP, backends.UDP, backends.SCTP}[c.IntN(3)],
		ClusterIP: vip, Port: uint16(80 + i%3), Endpoints: c.endpoints(f),
	}
	if c.IntN(3) == 0 {
		p.AffinitySeconds = uint32(1 + c.IntN(3)*100)
	}
	p.InternalLocal = c.IntN(3) == 0
	if c.IntN(2) == 0 {
		p.NodePort = uint16(30000 + i)
	}
	for range c.IntN(3) - 1 { // shared with others, and with others' load balancers
		p.ExternalIPs = append(p.ExternalIPs, c.addr(f, "192.168.7.0", "fd99:7::", 4))
	}
	for range c.IntN(3) - 1 {
		p.LoadBalancerIPs = append(p.LoadBalancerIPs, c.addr(f, "192.168.7.2", "fd99:7::2", 4))
	}
	if len(p.LoadBalancerIPs) > 0 && c.IntN(2) == 0 {
		ranges := prefixes("203.0.113.0/24", "192.168.0.0/16", "203.0.113.7/32")
		if f == backends.IPv6 {
			ranges = prefixes("2001:db8::/32", "fd99::/16", "2001:db8::7/128")
		}
		p.SourceRanges = ranges[c.IntN(3):]
	}
	if p.ExternallyAccessible() && c.IntN(2) == 0 {
		p.ExternalLocal = true
		if c.IntN(2) == 0 {
			p.HealthCheckNodePort = uint16(31000 + i/3)
		}
	}
	return p
}

// State is a random state of at most n ServicePorts a family.
func (c Chance) State(n int) *backends.State {
	s := &backends.State{Node: NodeOfBoth()}
	for _, f := range backends.Families() {
		for i := range n {
			if c.IntN(3) > 0 {
				s.Services = append(s.Services, c.servicePort(f, i))
			}
		}
	}
	slices.SortFunc(s.Services, func(p, q backends.ServicePort) int { return p.Compare(&q) })
	return s
}

// Next is a state that differs from another in some ServicePorts, and in the
// endpoints of some.
func (c Chance) Next(s *backends.State, n int) *backends.State {
	to := &backends.State{Node: s.Node}
	slot := func(p *backends.ServicePort) string { return p.String() + string(p.Family()) }
	taken := map[string]bool{}
	for _, p := range s.Services {
		if c.IntN(3) == 0 {
			continue
		}
		taken[slot(&p)] = true
		if c.IntN(4) == 0 {
			p.Endpoints = c.endpoints(p.Family())
		}
		to.Services = append(to.Services, p)
	}
	for _, p := range c.State(n).Services {
		if !taken[slot(&p)] && c.IntN(2) == 0 {
			to.Services = append(to.Services, p)
		}
	}
	slices.SortFunc(to.Services, func(p, q backends.ServicePort) int { return p.Compare(&q) })
	return to
}
