package scenarios

import (
	"fmt"
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// Streams of random numbers that must not follow each other. Their order
// decides every State.
const (
	clusterIPs = iota + 1
	host1
	host2
	names
	clusterIPs6
	hosts6 // two of them
	_
	ingress
	ingress6
	external
	external6
	nodePorts
	deals // and all that follow
)

// perNamespace is how many Services share a namespace.
const perNamespace = 25

// The words make names of different lengths, as rules carry them in comments.
// Names start with a number of fixed width, so that sorted order is the order of
// generation whatever word follows.
var words = [...]string{
	"api", "auth", "billing", "cache", "cart", "checkout-frontend", "db", "events",
	"gateway", "inventory", "ledger-replica", "mail", "metrics", "recommendations", "search", "web",
}

// port is one kind of ServicePort and the port that its endpoints listen on.
type port struct {
	name           string
	port, endpoint uint16
}

var (
	tcpPorts  = [...]port{{"http", 80, 8080}, {"", 80, 8080}, {"https", 443, 8443}, {"grpc", 9090, 9090}}
	udpPorts  = [...]port{{"dns", 53, 5353}, {"syslog", 514, 5514}}
	sctpPorts = [...]port{{"diameter", 3868, 3868}, {"s1ap", 36412, 36412}}
	// morePorts are what a Service of several ports has beside its own.
	morePorts = [...]port{{"admin", 9901, 9901}, {"telemetry", 9100, 9100}}
)

// Ranges for addresses that no cluster has a range for (RFC 2544 and RFC 5180
// keep them for measurements).
var (
	ingressCIDRs  = [...]netip.Prefix{netip.MustParsePrefix("198.18.0.0/16"), netip.MustParsePrefix("2001:2:0:18::/64")}
	externalCIDRs = [...]netip.Prefix{netip.MustParsePrefix("198.19.0.0/16"), netip.MustParsePrefix("2001:2:0:19::/64")}
)

// sourceRanges are who may use a load balancer that not everybody may use.
var sourceRanges = map[backends.Family][]netip.Prefix{
	backends.IPv4: {netip.MustParsePrefix("198.51.100.0/25"), netip.MustParsePrefix("203.0.113.0/24")},
	backends.IPv6: {netip.MustParsePrefix("3fff::/65"), netip.MustParsePrefix("2001:db8:1::/48")},
}

// LocalPods is how many pods a lab's node has: those of its range behind the gateway and the
// client.
const LocalPods = 250

// firstPod is where they begin.
const firstPod = 3

// zones is how many zones the pods are in.
const zones = 3

// generator deals out the Services of a scenario, one after another.
type generator struct {
	*Scenario
	perService int
	node       backends.Node
	families   []family
	random     uint64
	types      typeDeals
	deals      policyDeals
	ports      portDealer
	namespace  string
}

// family is where the addresses of one IP family come from.
type family struct {
	name               backends.Family
	vips               pool
	hosts              [2]pool
	pods               netip.Addr // the first of the node's own range
	ingress, externals pool
}

func newGenerator(s *Scenario, endpoints int) *generator {
	g := &generator{Scenario: s, perService: endpoints, node: s.node(), random: s.stream(names)}
	g.types, g.deals, g.ports = s.typeDeals(), s.policyDeals(), newPortDealer(s.stream(nodePorts))
	for _, f := range s.Network.families() {
		streams, six := [5]uint64{clusterIPs, host1, host2, ingress, external}, 0
		if f == backends.IPv6 {
			streams, six = [5]uint64{clusterIPs6, hosts6, hosts6 + 1, ingress6, external6}, 1
		}
		cidrs := g.node.EndpointHostCIDRs(f)
		g.families = append(g.families, family{
			name:      f,
			vips:      newPool(g.node.ServiceCIDR(f), s.stream(streams[0])),
			hosts:     [2]pool{newPool(cidrs[0], s.stream(streams[1])), newPool(cidrs[1], s.stream(streams[2]))},
			pods:      g.node.PodCIDR(f).Addr(),
			ingress:   newPool(ingressCIDRs[six], s.stream(streams[3])),
			externals: newPool(externalCIDRs[six], s.stream(streams[4])),
		})
	}
	return g
}

// service deals the i-th Service; they are dealt in order.
func (g *generator) service(i int, s *Service) {
	if i%perNamespace == 0 {
		g.namespace = fmt.Sprintf("team-%05d", i/perNamespace)
	}
	rnd := scramble(g.random + uint64(i))
	kind := g.types.of(i)
	proto, main := g.Services.Protocols.of(kind.index, rnd, g.deals.sctp)
	s.Namespace, s.Name = g.namespace, fmt.Sprintf("app-%06d-%s", i, words[rnd%uint64(len(words))])
	s.Type = kind.Type
	s.Ports = []Port{{Name: main.name, Protocol: string(proto), Port: main.port}}
	if !kind.served {
		return
	}
	targets := []TargetPort{{main.name, string(proto), main.endpoint}}
	if g.deals.severalPorts.has(kind.nth) {
		if main.name == "" {
			s.Ports[0].Name, targets[0].Name = "main", "main"
		}
		for _, p := range morePorts {
			s.Ports = append(s.Ports, Port{Name: p.name, Protocol: string(backends.TCP), Port: p.port})
			targets = append(targets, TargetPort{p.name, string(backends.TCP), p.endpoint})
		}
	}
	families := g.families
	if g.deals.singleStack.has(kind.nth) {
		families = families[:1]
	}
	s.ClusterIPs = make([]netip.Addr, len(families))
	for j := range families {
		s.ClusterIPs[j] = families[j].vips.at(i)
	}
	g.policies(kind, families, s)
	if g.perService > 0 && !g.deals.noEndpoints.has(kind.nth) {
		s.Endpoints = []Subset{{Ports: targets, Endpoints: g.endpoints(i, kind, families)}}
	}
}

func (g *generator) policies(kind typed, families []family, s *Service) {
	p, d := &g.Services.Policies, &g.deals
	s.InternalLocal = d.internalLocal.has(kind.nth)
	if d.affinity.has(kind.nth) {
		s.AffinitySeconds = uint32(p.AffinitySeconds)
	}
	if d.externalIPs.has(kind.nth) {
		for j := range families {
			s.ExternalIPs = append(s.ExternalIPs, families[j].externals.at(d.externalIPs.before(kind.nth)))
		}
	}
	switch kind.Type {
	case NodePort:
		s.ExternalLocal = d.nodePortLocal.has(kind.index)
	case LoadBalancer:
		s.ExternalLocal = d.loadBalancerLocal.has(kind.index)
		ranges, proxy := d.sourceRanges.has(kind.index), d.proxyIPMode.has(kind.index)
		for j := range families {
			s.Ingress = append(s.Ingress, Ingress{families[j].ingress.at(kind.index), proxy})
			if ranges {
				s.SourceRanges = append(s.SourceRanges, sourceRanges[families[j].name]...)
			}
		}
	}
	if kind.Type == NodePort || kind.Type == LoadBalancer && !d.noNodePorts.has(kind.index) {
		for j := range s.Ports {
			s.Ports[j].NodePort = g.ports.next()
		}
	}
	if kind.Type == LoadBalancer && s.ExternalLocal {
		s.HealthCheckNodePort = g.ports.next()
	}
}

// endpoints deals Service i its pods, each with an address of every family.
func (g *generator) endpoints(i int, kind typed, families []family) []Endpoint {
	list := make([]Endpoint, 0, g.perService*len(families))
	zoned, noded := g.deals.zoneHints.has(kind.nth), g.deals.nodeHints.has(kind.nth)
	first := i * g.perService
	for j := range families {
		f := &families[j]
		for n := first; n < first+g.perService; n++ {
			e := Endpoint{Node: hostNames[n%2], Weight: g.Services.weight(n - first)}
			if local := g.deals.local; local.has(n) {
				e.Node = g.node.Name
				e.Addr = behind(f.pods, uint32(firstPod+local.before(n)%LocalPods))
			} else {
				e.Addr = f.hosts[n%2].at(n / 2)
			}
			switch {
			case g.deals.notReady.has(n):
				e.NotReady, e.NotServing = true, true
			case g.deals.terminating.has(n - g.deals.notReady.before(n)):
				e.NotReady, e.Terminating = true, true
			}
			if zoned {
				e.Zones = zoneNames[n%zones : n%zones+1 : n%zones+1]
			}
			if noded {
				e.Nodes = []string{e.Node}
			}
			list = append(list, e)
		}
	}
	return list
}

var (
	hostNames = [2]string{"endpoints-1", "endpoints-2"}
	zoneNames = [zones]string{"zone-0", "zone-1", "zone-2"}
)

// of is the protocol and the kind of port of a type's i-th Service. UDP is not
// drawn but dealt evenly, so that small scenarios have their share too: of the
// first n Services round(n*UDP/100) are UDP. Of the others SCTP gets its share
// by a deal.
func (p Protocols) of(i int, rnd uint64, sctp deal) (backends.Protocol, port) {
	dealt := func(n int) int { return (n*p.UDP + 50) / 100 }
	rnd >>= 32 // the lower half chose the name
	switch {
	case dealt(i+1) > dealt(i):
		return backends.UDP, udpPorts[rnd%uint64(len(udpPorts))]
	case sctp.has(i - dealt(i)):
		return backends.SCTP, sctpPorts[rnd%uint64(len(sctpPorts))]
	}
	return backends.TCP, tcpPorts[rnd%uint64(len(tcpPorts))]
}
