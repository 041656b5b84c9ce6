package userspace

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/svcmark/svcmark/backends"
)

// udpIdle is how long a UDP client may pause and keep its connection to an endpoint
// (kube-proxy's default of --udp-timeout).
const udpIdle = 250 * time.Millisecond

// socket is where the proxy listens for the clients of one ServicePort.
type socket struct {
	balancer *balancer
	port     uint16
	dial     dialer
	idle     time.Duration // of UDP
	fail     func(error)   // ends the proxy

	cancel context.CancelFunc
	closer interface{ Close() error }
	serves sync.WaitGroup
	udp    *udp // nil for TCP
}

// listen opens the socket on a port that the kernel picks, on all of the node's
// addresses of a family, and serves it.
func (s *socket) listen(f backends.Family, proto backends.Protocol) error {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	network := network(f, proto)
	switch proto {
	case backends.TCP:
		l, err := net.ListenTCP(network, nil)
		if err != nil {
			cancel()
			return noPort(f, err)
		}
		s.closer, s.port = l, l.Addr().(*net.TCPAddr).AddrPort().Port()
		s.serves.Go(func() { s.acceptTCP(ctx, network, l) })
	case backends.UDP:
		c, err := net.ListenUDP(network, nil)
		if err != nil {
			cancel()
			return noPort(f, err)
		}
		s.closer, s.port = c, c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		s.udp = newUDP(s, network, c)
		s.serves.Go(func() { s.udp.serve(ctx) })
	default:
		cancel()
		return fmt.Errorf("%s is not supported by a userspace proxy", proto)
	}
	return nil
}

// close ends what listens, and UDP clients' connections. TCP connections go on, as
// long as both ends want.
func (s *socket) close() {
	s.cancel()
	_ = s.closer.Close() // what nobody reads any more loses nothing
	s.serves.Wait()
}

// network is net's name of a protocol in a family.
func network(f backends.Family, proto backends.Protocol) string {
	name := map[backends.Protocol]string{backends.TCP: "tcp", backends.UDP: "udp"}[proto]
	if f == backends.IPv6 {
		return name + "6"
	}
	return name + "4"
}
