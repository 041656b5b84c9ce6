package userspace

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/svcmark/svcmark/backends"
)

// service is a ServicePort that is served.
type service struct {
	port   *backends.ServicePort
	socket *socket
	rules  []rule
	// claims hold the ports on the node that clients dial, which the rules take
	// from whoever would listen there.
	claims []interface{ Close() error }
}

// sameWay reports whether clients reach both by the same addresses and are treated
// alike: what differs are endpoints, or what the proxy pays no heed to.
func sameWay(p, q *backends.ServicePort) bool {
	return p.ClusterIP == q.ClusterIP && p.Port == q.Port && p.NodePort == q.NodePort && p.AffinitySeconds == q.AffinitySeconds &&
		slices.Equal(p.ExternalIPs, q.ExternalIPs) && slices.Equal(p.LoadBalancerIPs, q.LoadBalancerIPs)
}

// newService listens for a ServicePort. Nobody is led there yet.
func newService(p *backends.ServicePort, host netip.Addr, fail func(error)) (*service, error) {
	b := newBalancer(time.Duration(p.AffinitySeconds)*time.Second, time.Now)
	s := &service{port: p, socket: &socket{balancer: b, dial: dial, idle: udpIdle, fail: fail}}
	b.set(endpointsOf(p))
	if err := s.socket.listen(p.Family(), p.Protocol); err != nil {
		return nil, err
	}
	s.rules = rulesOf(p, s.socket.port, host)
	return s, nil
}

// endpointsOf are where the clients of a ServicePort are led.
func endpointsOf(p *backends.ServicePort) []netip.AddrPort {
	var to []netip.AddrPort
	for _, e := range used(p) {
		to = append(to, e.Addr)
	}
	return to
}

// used are the endpoints that get traffic: the ready ones, which are the addresses of
// an Endpoints object.
func used(p *backends.ServicePort) []backends.Endpoint {
	return slices.DeleteFunc(slices.Clone(p.Endpoints), func(e backends.Endpoint) bool { return !e.Ready() })
}

// update takes other endpoints.
func (s *service) update(p *backends.ServicePort) {
	s.port = p
	s.socket.balancer.set(endpointsOf(p))
	if s.socket.udp != nil {
		s.socket.udp.leave(func(c *udpClient) bool { return !s.socket.balancer.has(c.endpoint) })
	}
}

// claim holds the NodePort, and the port at those of the ServicePort's addresses that
// are the node's own (claimNodePort in proxier.go).
func (s *service) claim(own map[netip.Addr]bool) error {
	if len(s.claims) > 0 {
		return nil
	}
	p := s.port
	for _, a := range claimsOf(p, own) {
		c, err := hold(network(p.Family(), p.Protocol), p.Protocol, a)
		if err != nil {
			s.release()
			return err
		}
		s.claims = append(s.claims, c)
	}
	return nil
}

// claimsOf are where a ServicePort's clients would find whoever listened on the node.
func claimsOf(p *backends.ServicePort, own map[netip.Addr]bool) []netip.AddrPort {
	var at []netip.AddrPort
	for _, list := range [][]netip.Addr{{p.ClusterIP}, p.ExternalIPs, p.LoadBalancerIPs} {
		for _, a := range list {
			if own[a] {
				at = append(at, netip.AddrPortFrom(a, p.Port))
			}
		}
	}
	if p.NodePort != 0 {
		at = append(at, netip.AddrPortFrom(everywhere(p.Family()), p.NodePort))
	}
	return at
}

// everywhere is all addresses of a family.
func everywhere(f backends.Family) netip.Addr {
	if f == backends.IPv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

func hold(network string, proto backends.Protocol, at netip.AddrPort) (interface{ Close() error }, error) {
	if proto == backends.TCP {
		return net.ListenTCP(network, net.TCPAddrFromAddrPort(at))
	}
	return net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
}

func (s *service) release() {
	for _, c := range s.claims {
		_ = c.Close() // closing a socket that nobody reads loses nothing
	}
	s.claims = nil
}

// close ends what listens.
func (s *service) close() {
	s.release()
	s.socket.close()
}
