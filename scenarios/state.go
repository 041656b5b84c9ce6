package scenarios

import (
	"fmt"
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// Streams of random numbers that must not follow each other.
const (
	clusterIPs = iota + 1
	host1
	host2
	names
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
	tcpPorts = [...]port{{"http", 80, 8080}, {"", 80, 8080}, {"https", 443, 8443}, {"grpc", 9090, 9090}}
	udpPorts = [...]port{{"dns", 53, 5353}, {"syslog", 514, 5514}}
)

// State generates what a node should serve at a point of the scenario. It is a
// pure function: the same scenario and arguments give the same State on every
// machine. Service i is the same in every State with as many endpoints per
// Service, so the State with fewer Services is a prefix of that with more, and
// growing adds Services without touching one.
//
// Services are sorted by ServicePort.Compare and have one port each; of the
// first n the share of each protocol is exact to half a Service. Endpoints lie
// alternately on the two endpoint hosts, and no two share an address.
//
// State panics when the numbers are not those of a point of a valid scenario and
// do not fit the network.
func (s *Scenario) State(services, endpoints int) *backends.State {
	if services < 0 || endpoints < 0 || services > s.Network.serviceRoom() || services > maxServices ||
		endpoints > s.Network.endpointRoom()/max(1, services) {
		panic(fmt.Sprintf("scenarios: %s do not fit the network %+v", product(services, endpoints), s.Network))
	}
	node := s.Network.node()
	vips := newPool(s.Network.ServiceCIDR, s.stream(clusterIPs))
	cidrs := node.EndpointHostCIDRs(backends.IPv4)
	hosts := [2]pool{newPool(cidrs[0], s.stream(host1)), newPool(cidrs[1], s.stream(host2))}
	random := s.stream(names)

	list := make([]backends.ServicePort, services)
	slab := make([]backends.Endpoint, services*endpoints)
	addrs := make([]uint32, endpoints)
	namespace := ""
	for i := range list {
		if i%perNamespace == 0 {
			namespace = fmt.Sprintf("team-%05d", i/perNamespace)
		}
		rnd := scramble(random + uint64(i))
		proto, kind := s.Services.Protocols.of(i, rnd)
		for j := range addrs {
			n := i*endpoints + j
			addrs[j] = hosts[n%2].at(n / 2)
		}
		own := slab[i*endpoints : (i+1)*endpoints : (i+1)*endpoints]
		for j, a := range addrs {
			own[j].Addr = netip.AddrPortFrom(addr(a), kind.endpoint)
		}
		backends.SortEndpoints(own)
		list[i] = backends.ServicePort{
			Namespace: namespace,
			Name:      fmt.Sprintf("app-%06d-%s", i, words[rnd%uint64(len(words))]),
			PortName:  kind.name,
			Protocol:  proto,
			ClusterIP: addr(vips.at(i)),
			Port:      kind.port,
			Endpoints: own,
		}
	}
	return &backends.State{Node: node, Services: list}
}

// of is Service i's protocol and kind of port. The protocol is not drawn but
// dealt, so that small scenarios have their share too: of the first n Services
// round(n*UDP/100) are UDP.
func (p Protocols) of(i int, rnd uint64) (backends.Protocol, port) {
	dealt := func(n int) int { return (n*p.UDP + 50) / 100 }
	rnd >>= 32 // the lower half chose the name
	if dealt(i+1) > dealt(i) {
		return backends.UDP, udpPorts[rnd%uint64(len(udpPorts))]
	}
	return backends.TCP, tcpPorts[rnd%uint64(len(tcpPorts))]
}

// stream is where a stream of random numbers starts.
func (s *Scenario) stream(n uint64) uint64 { return scramble(scramble(s.Seed) + n) }
