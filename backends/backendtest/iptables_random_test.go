package backendtest_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/svcmark/svcmark/backends"
)

// cluster makes random states of a few Services that have, each by chance,
// everything that a Service can have.
type cluster struct {
	random   *rand.Rand
	node     backends.Node
	services map[string][]backends.ServicePort // by name
}

// newCluster is an empty cluster on a node of these families.
func newCluster(seed uint64, families ...backends.Family) *cluster {
	c := &cluster{random: rand.New(rand.NewPCG(seed, 0)), services: map[string][]backends.ServicePort{}}
	c.node = backends.Node{Name: "node-0", Zone: "zone-0"}
	for _, f := range families {
		c.node.Addrs = append(c.node.Addrs, pick(f, "192.168.0.1", "fd00:192::1"))
		cluster, services := netip.MustParsePrefix("10.128.0.0/9"), netip.MustParsePrefix("10.96.0.0/12")
		if f == backends.IPv6 {
			cluster, services = netip.MustParsePrefix("fd00:10::/56"), netip.MustParsePrefix("fd00:96::/112")
		}
		c.node.ClusterCIDRs = append(c.node.ClusterCIDRs, cluster)
		c.node.ServiceCIDRs = append(c.node.ServiceCIDRs, services)
	}
	return c
}

func pick(f backends.Family, v4, v6 string) netip.Addr {
	if f == backends.IPv6 {
		return netip.MustParseAddr(v6)
	}
	return netip.MustParseAddr(v4)
}

// prefix is the range around a that leaves some bits free.
func prefix(a netip.Addr, free int) netip.Prefix {
	return netip.PrefixFrom(a, a.BitLen()-free).Masked()
}

// state is what the cluster is now.
func (c *cluster) state() *backends.State {
	s := &backends.State{Node: c.node}
	for _, ports := range c.services {
		s.Services = append(s.Services, ports...)
	}
	slices.SortFunc(s.Services, func(p, q backends.ServicePort) int { return p.Compare(&q) })
	return s
}

// change adds, removes and changes up to n of the Services.
func (c *cluster) change(n int) {
	for range 1 + c.random.IntN(n) {
		i := c.random.IntN(12)
		name := fmt.Sprintf("svc-%d", i)
		ports, there := c.services[name]
		switch {
		case there && c.one(4):
			delete(c.services, name)
		case there && c.one(2):
			c.services[name] = c.otherEndpoints(ports)
		default:
			c.services[name] = c.service(name, i)
		}
	}
}

// one is true once in n times.
func (c *cluster) one(n int) bool { return c.random.IntN(n) == 0 }

// service is all ports of a new Service, in the node's families or one of them.
func (c *cluster) service(name string, i int) []backends.ServicePort {
	families := backends.Families()
	if c.one(2) {
		families = families[c.random.IntN(2):][:1]
	}
	outside, balanced := c.one(2), c.one(3)
	shape := backends.ServicePort{
		Namespace: []string{"default", "kube-system"}[i%2], Name: name,
		InternalLocal: c.one(4), ExternalLocal: (outside || balanced) && c.one(2),
	}
	if c.one(3) {
		shape.AffinitySeconds = 1 + uint32(c.random.IntN(backends.MaxAffinitySeconds))
	}
	if balanced && shape.ExternalLocal {
		shape.HealthCheckNodePort = uint16(32000 + i)
	}
	external, ranged, bits := outside && c.one(2), balanced && c.one(2), 1+c.random.IntN(6)
	var ports []backends.ServicePort
	count := 1 + c.random.IntN(2)
	for n := range count {
		proto := []backends.Protocol{backends.TCP, backends.UDP, backends.SCTP}[c.random.IntN(3)]
		nodePort := uint16(0)
		if outside || balanced && c.one(2) {
			nodePort = uint16(30000 + 10*i + n)
		}
		for _, f := range families {
			p := shape
			p.Protocol, p.Port, p.NodePort = proto, uint16(80+n), nodePort
			if count > 1 {
				p.PortName = fmt.Sprintf("p%d", n)
			}
			p.ClusterIP = pick(f, fmt.Sprintf("10.96.0.%d", 1+i), fmt.Sprintf("fd00:96::%d", 1+i))
			if external {
				p.ExternalIPs = []netip.Addr{pick(f, fmt.Sprintf("198.51.100.%d", 1+i), fmt.Sprintf("2001:db8:1::%d", 1+i))}
			}
			if balanced {
				p.LoadBalancerIPs = []netip.Addr{
					pick(f, fmt.Sprintf("203.0.113.%d", 1+i), fmt.Sprintf("2001:db8:2::%d", 1+i)),
					pick(f, fmt.Sprintf("203.0.113.%d", 101+i), fmt.Sprintf("2001:db8:2::%d", 101+i)),
				}
			}
			if ranged {
				p.SourceRanges = []netip.Prefix{prefix(pick(f, "192.0.2.0", "2001:db8:3::"), bits)}
				if node := c.node.Addr(f); node.IsValid() && i%3 == 0 {
					p.SourceRanges = append(p.SourceRanges, prefix(node, 8))
				}
			}
			ports = append(ports, p)
		}
	}
	return c.otherEndpoints(ports)
}

// otherEndpoints gives the ports of a Service new endpoints: the same ones to
// each, as the pods of a Service are.
func (c *cluster) otherEndpoints(ports []backends.ServicePort) []backends.ServicePort {
	type pod struct {
		number int
		backends.Endpoint
	}
	hinted := c.one(4)
	var pods []pod
	for n := range 20 {
		if !c.one(6) {
			continue
		}
		e := backends.Endpoint{Local: c.one(3)}
		switch c.random.IntN(6) {
		case 0:
			e.Conditions = backends.NotReady | backends.NotServing
		case 1:
			e.Conditions = backends.NotReady | backends.Terminating
		case 2:
			e.Conditions = backends.NotReady | backends.NotServing | backends.Terminating
		}
		if hinted {
			e.Hints = &backends.Hints{Zones: []string{fmt.Sprintf("zone-%d", c.random.IntN(2))}}
		}
		pods = append(pods, pod{n, e})
	}
	ports = slices.Clone(ports)
	for i := range ports {
		p := &ports[i]
		p.Endpoints = nil
		for _, pod := range pods {
			e := pod.Endpoint
			addr := pick(p.Family(), fmt.Sprintf("10.160.0.%d", 1+pod.number), fmt.Sprintf("fd00:10:0:40::%x", 1+pod.number))
			e.Addr = netip.AddrPortFrom(addr, 8000+p.Port)
			p.Endpoints = append(p.Endpoints, e)
		}
		backends.SortEndpoints(p.Endpoints)
	}
	return ports
}
