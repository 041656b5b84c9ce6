package conformance

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/apiclient"
	"github.com/svcmark/svcmark/cluster"
	"github.com/svcmark/svcmark/scenarios"
)

// Walk is a random walk through clusters: every kind of Service and of endpoint,
// and every change of one into another. The same seed walks the same way.
type Walk struct {
	rand     *rand.Rand
	services []scenarios.Service
	made     int  // Services ever, which number addresses and node ports
	tick     bool // which endpoint the Service tick has
}

// Sizes of a walk's clusters: small enough never to be a large cluster.
const (
	walkServices  = 25 // at the start
	walkEndpoints = 5  // of a Service in a family, at most
)

// NewWalk is at its first cluster.
func NewWalk(seed uint64) *Walk {
	w := &Walk{rand: rand.New(rand.NewPCG(seed, 0))}
	for range walkServices {
		w.services = append(w.services, w.service())
	}
	return w
}

// Step changes up to eight Services, and sometimes all.
func (w *Walk) Step() {
	if w.chance(5) {
		*w = Walk{rand: w.rand, made: w.made, tick: w.tick}
		for range walkServices {
			w.services = append(w.services, w.service())
		}
		return
	}
	for range 1 + w.rand.IntN(8) {
		i := w.rand.IntN(len(w.services))
		s := &w.services[i]
		switch w.rand.IntN(6) {
		case 0:
			w.services = append(w.services, w.service())
		case 1:
			if len(w.services) > walkServices/2 {
				w.services = append(w.services[:i:i], w.services[i+1:]...)
			}
		case 2: // everything about it but its name, and so its ClusterIP
			n := w.service()
			n.Namespace, n.Name = s.Namespace, s.Name
			*s = n
		default: // what happens most: its endpoints
			s.Endpoints = w.endpoints(s)
		}
	}
}

// Tick changes the endpoint of one Service, which is always there: whatever
// kube-proxy has put off until its next sync happens in this one.
func (w *Walk) Tick() { w.tick = !w.tick }

// Objects are the cluster that the walk is at.
func (w *Walk) Objects() *Objects {
	node := backends.Node{Name: NodeName, Zone: "zone-a", Addrs: []netip.Addr{addr("192.168.0.1"), addr("fd00:192:168::1")}}
	services := append([]scenarios.Service{w.ticking()}, w.services...)
	o := cluster.ObjectsOf(&node, services)
	for i := range o.EndpointSlices { // a slice never changes its addressType, so no two share a name
		s := &o.EndpointSlices[i]
		s.Name += "-" + strings.ToLower(string(s.AddressType))
	}
	return &Objects{apiclient.Objects{
		Node: o.Nodes[0], Services: o.Services, EndpointSlices: o.EndpointSlices,
		ServiceCIDRs: []networkingv1.ServiceCIDR{*defaultServiceCIDR()}, ClusterCIDR: DefaultClusterCIDR,
	}}
}

func (w *Walk) ticking() scenarios.Service {
	last := 1
	if w.tick {
		last = 2
	}
	return scenarios.Service{
		Namespace: "conformance", Name: "tick", Type: scenarios.ClusterIP,
		ClusterIPs: []netip.Addr{addr("10.96.255.1"), addr("fd00:10:96::ffff")},
		Ports:      []scenarios.Port{{Protocol: "TCP", Port: 1}},
		Endpoints: []scenarios.Subset{{
			Ports:     []scenarios.TargetPort{{Protocol: "TCP", Port: 1}},
			Endpoints: []scenarios.Endpoint{{Addr: addr(fmt.Sprintf("10.129.255.%d", last))}, {Addr: addr(fmt.Sprintf("fd00:10:128:1::ff:%d", last))}},
		}},
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func (w *Walk) chance(percent int) bool { return w.rand.IntN(100) < percent }

// service is a new Service, with addresses and node ports of its own.
func (w *Walk) service() scenarios.Service {
	n := w.made
	w.made++
	s := scenarios.Service{Namespace: fmt.Sprintf("ns%d", n%3), Name: fmt.Sprintf("svc-%d", n), Type: scenarios.ClusterIP}
	four, six := addr(fmt.Sprintf("10.96.%d.%d", n/200, n%200+1)), addr(fmt.Sprintf("fd00:10:96::%x", n+1))
	switch kind := w.rand.IntN(100); {
	case kind < 3: // headless
		s.Ports = w.ports(n, false)
		return s
	case kind < 5:
		s.Type = scenarios.ExternalName
		return s
	case kind < 30:
		s.Type = scenarios.NodePort
	case kind < 60:
		s.Type = scenarios.LoadBalancer
	}
	s.ClusterIPs = [][]netip.Addr{{four}, {four}, {four}, {six}, {four, six}, {six, four}}[w.rand.IntN(6)]
	s.Ports = w.ports(n, s.Type == scenarios.NodePort || s.Type == scenarios.LoadBalancer && w.chance(80))
	if w.chance(20) {
		s.ExternalIPs = []netip.Addr{addr(fmt.Sprintf("198.51.%d.%d", n/200, n%200+1)), addr(fmt.Sprintf("2001:db8:e::%x", n+1))}
	}
	if s.Type == scenarios.LoadBalancer {
		w.loadBalancer(&s, n)
	}
	s.ExternalLocal = w.chance(40) && s.ExternallyAccessible()
	s.InternalLocal = w.chance(20)
	if s.Type == scenarios.LoadBalancer && s.ExternalLocal {
		s.HealthCheckNodePort = uint16(32000 + n)
	}
	if w.chance(20) {
		s.AffinitySeconds = []uint32{1, 60, 10800, 86400}[w.rand.IntN(4)]
	}
	s.Endpoints = w.endpoints(&s)
	return s
}

func (w *Walk) ports(n int, nodePorts bool) []scenarios.Port {
	ports := make([]scenarios.Port, 1+w.rand.IntN(10)/6+w.rand.IntN(10)/8)
	for i := range ports {
		p := &ports[i]
		p.Protocol = []string{"TCP", "TCP", "TCP", "UDP", "UDP", "SCTP"}[w.rand.IntN(6)]
		p.Port = uint16(80 + i)
		if len(ports) > 1 || w.chance(50) {
			p.Name = fmt.Sprintf("port-%d", i)
		}
		if nodePorts {
			p.NodePort = uint16(30000 + 3*n + i)
		}
	}
	return ports
}

func (w *Walk) loadBalancer(s *scenarios.Service, n int) {
	for i, a := range []string{fmt.Sprintf("203.0.%d.%d", n/200, n%200+1), fmt.Sprintf("203.1.%d.%d", n/200, n%200+1), fmt.Sprintf("2001:db8:f::%x", n+1)} {
		if i == 0 || w.chance(40) {
			s.Ingress = append(s.Ingress, scenarios.Ingress{Addr: addr(a), Proxy: w.chance(15)})
		}
	}
	if !w.chance(50) {
		return
	}
	ranges := []string{"192.168.0.0/24", "198.51.100.0/24", "203.0.113.9/32", "fd00:192:168::/64", "2001:db8:1::/48", "0.0.0.0/0", "::/0"}
	w.rand.Shuffle(len(ranges), func(i, j int) { ranges[i], ranges[j] = ranges[j], ranges[i] })
	for _, r := range ranges[:1+w.rand.IntN(3)] {
		s.SourceRanges = append(s.SourceRanges, netip.MustParsePrefix(r))
	}
}

// endpoints are of both families whatever the Service's are, in up to two
// slices, with addresses that other Services may have as well.
func (w *Walk) endpoints(s *scenarios.Service) []scenarios.Subset {
	if len(s.ClusterIPs) == 0 || w.chance(10) {
		return nil
	}
	sets := make([]scenarios.Subset, 1+w.rand.IntN(10)/7)
	for i := range sets {
		for j, p := range s.Ports {
			if w.chance(95) {
				sets[i].Ports = append(sets[i].Ports, scenarios.TargetPort{Name: p.Name, Protocol: p.Protocol, Port: uint16(8080 + 100*i + j)})
			}
		}
	}
	hints := w.rand.IntN(5) // 0: zones, 1: nodes, 2: some have none
	addresses := w.rand.Perm(60)
	for _, six := range []bool{false, true} {
		for _, k := range addresses[:w.rand.IntN(walkEndpoints+1)] {
			set := &sets[w.rand.IntN(len(sets))]
			set.Endpoints = append(set.Endpoints, w.endpoint(k, six, hints))
		}
	}
	return sets
}

func (w *Walk) endpoint(k int, six bool, hints int) scenarios.Endpoint {
	// A third of the addresses are on the node.
	e := scenarios.Endpoint{Addr: addr(fmt.Sprintf("10.128.0.%d", k+1)), Node: NodeName}
	if k%3 > 0 {
		e = scenarios.Endpoint{Addr: addr(fmt.Sprintf("10.129.0.%d", k+1)), Node: "node-1"}
	}
	if six {
		e.Addr = addr(fmt.Sprintf("fd00:10:128:%d::%x", k%3, k+1))
	}
	switch w.rand.IntN(10) {
	case 0:
		e.NotReady, e.NotServing = true, true
	case 1:
		e.NotReady, e.Terminating = true, true
	case 2:
		e.NotReady, e.NotServing, e.Terminating = true, true, w.chance(50)
	}
	if hints == 0 || hints == 2 && w.chance(70) {
		e.Zones = [][]string{{"zone-a"}, {"zone-b"}, {"zone-b", "zone-a"}}[w.rand.IntN(3)]
	}
	if hints == 1 || hints == 2 && w.chance(70) {
		e.Nodes = [][]string{{NodeName}, {"node-1"}, {"node-1", NodeName}}[w.rand.IntN(3)]
	}
	return e
}
