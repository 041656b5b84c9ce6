package backendtest_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// nftablesWorld makes random states of every feature that a ServicePort can
// have. Addresses and ports are few, so that ServicePorts meet in them.
type nftablesWorld struct {
	*rand.Rand
	node backends.Node
}

func newNftablesWorld(seed uint64) *nftablesWorld {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	return &nftablesWorld{rand.New(rand.NewPCG(seed, 0)), backends.Node{
		Name: "node-0", Zone: "zone-0",
		Addrs:        []netip.Addr{addr("192.168.0.1"), addr("fd00:192::1")},
		ClusterCIDRs: []netip.Prefix{prefix("10.128.0.0/9"), prefix("fd00:10::/32")},
		ServiceCIDRs: []netip.Prefix{prefix("10.96.0.0/12"), prefix("fd00:96::/112")},
	}}
}

func (w *nftablesWorld) chance(percent int) bool { return w.IntN(100) < percent }

// state has Services of numbers below n, about half of them.
func (w *nftablesWorld) state(n int) *backends.State {
	s := &backends.State{Node: w.node}
	for i := range n {
		if w.chance(50) {
			s.Services = append(s.Services, w.service(i)...)
		}
	}
	slices.SortFunc(s.Services, func(p, q backends.ServicePort) int { return p.Compare(&q) })
	return s
}

// change is a state in which some Services are another than before.
func (w *nftablesWorld) change(from *backends.State, n int) *backends.State {
	to := &backends.State{Node: from.Node}
	again := map[string]bool{}
	for range 1 + w.IntN(3) {
		i := w.IntN(n)
		again[serviceName(i)] = true
		if w.chance(70) {
			to.Services = append(to.Services, w.service(i)...)
		}
	}
	seen := map[backends.Key]bool{}
	to.Services = slices.DeleteFunc(to.Services, func(p backends.ServicePort) bool {
		was := seen[p.Key()]
		seen[p.Key()] = true
		return was
	})
	for _, p := range from.Services {
		if !again[p.Name] {
			to.Services = append(to.Services, p)
		}
	}
	slices.SortFunc(to.Services, func(p, q backends.ServicePort) int { return p.Compare(&q) })
	return to
}

func serviceName(i int) string { return fmt.Sprintf("svc-%d", i) }

// service is a Service's ServicePorts.
func (w *nftablesWorld) service(i int) []backends.ServicePort {
	families := [][]backends.Family{{backends.IPv4}, {backends.IPv6}, {backends.IPv4, backends.IPv6}}[w.IntN(3)]
	ports := 1 + w.IntN(2)
	var protocols []backends.Protocol
	for range ports {
		protocols = append(protocols, []backends.Protocol{backends.TCP, backends.UDP, backends.SCTP}[w.IntN(3)])
	}
	var all backends.ServicePort // what a Service's ports have in common
	all.Namespace, all.Name = "ns-0", serviceName(i)
	if i%7 == 0 {
		all.Namespace = strings.Repeat("n", 63)
	}
	all.InternalLocal = w.chance(25)
	if w.chance(30) {
		all.AffinitySeconds = []uint32{1, 10800, 86400}[w.IntN(3)]
	}
	kind, nodePorts := w.IntN(3), w.chance(70) // ClusterIP, NodePort, LoadBalancer
	externals := w.chance(30)
	if kind > 0 || externals {
		all.ExternalLocal = w.chance(40)
	}
	var services []backends.ServicePort
	for _, f := range families {
		all.ClusterIP = w.addr(f, "10.96.0.%d", "fd00:96::%x", 10+i)
		all.ExternalIPs, all.LoadBalancerIPs, all.SourceRanges = nil, nil, nil
		if externals {
			all.ExternalIPs = w.addrs(f, "192.0.2.%d", "2001:db8::%x", 3)
		}
		if kind == 2 {
			all.LoadBalancerIPs = w.addrs(f, "198.51.100.%d", "2001:db8:1::%x", 3)
			if w.chance(50) {
				all.SourceRanges = w.ranges(f)
			}
		}
		for number := range ports {
			p := all
			if ports > 1 || i%2 == 0 {
				p.PortName = fmt.Sprintf("p%d", number)
			}
			p.Protocol, p.Port = protocols[number], uint16(80+number)
			if kind == 1 || kind == 2 && nodePorts {
				p.NodePort = uint16(30000 + 10*i + number)
			}
			p.Endpoints = w.endpoints(f)
			services = append(services, p)
		}
	}
	return services
}

func (w *nftablesWorld) addr(f backends.Family, v4, v6 string, n int) netip.Addr {
	if f == backends.IPv6 {
		v4 = v6
	}
	return netip.MustParseAddr(fmt.Sprintf(v4, n))
}

// addrs are one or two of the first n.
func (w *nftablesWorld) addrs(f backends.Family, v4, v6 string, n int) []netip.Addr {
	var a []netip.Addr
	for _, i := range w.Perm(n)[:1+w.IntN(2)] {
		a = append(a, w.addr(f, v4, v6, 1+i))
	}
	return a
}

func (w *nftablesWorld) ranges(f backends.Family) []netip.Prefix {
	all := []string{"203.0.113.0/24", "203.0.113.128/25", "192.168.0.0/16", "10.0.0.0/8", "172.16.0.1/32"}
	if f == backends.IPv6 {
		all = []string{"2001:db8:2::/48", "2001:db8:2:1::/64", "fd00:192::/64", "fd00::/8", "2001:db8:3::1/128"}
	}
	var r []netip.Prefix
	for _, i := range w.Perm(len(all))[:1+w.IntN(3)] {
		r = append(r, netip.MustParsePrefix(all[i]))
	}
	return r
}

func (w *nftablesWorld) endpoints(f backends.Family) []backends.Endpoint {
	var endpoints []backends.Endpoint
	hinted := w.chance(20)
	usual := w.chance(60)
	for _, i := range w.Perm(6)[:w.IntN(5)] {
		// A pod is on one node, whichever Service it is of.
		e := backends.Endpoint{Addr: netip.AddrPortFrom(w.addr(f, "10.160.0.%d", "fd00:10::%x", 8+i), 8080), Local: i < 2}
		if !usual {
			e.Conditions = backends.Conditions(w.IntN(8))
		}
		if hinted {
			e.Hints = &backends.Hints{Zones: []string{fmt.Sprintf("zone-%d", w.IntN(2))}}
			if w.chance(50) {
				e.Hints.Nodes = []string{fmt.Sprintf("node-%d", w.IntN(2))}
			}
		}
		endpoints = append(endpoints, e)
	}
	backends.SortEndpoints(endpoints)
	return endpoints
}
