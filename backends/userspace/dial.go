package userspace

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// dialTimeouts are how long each of the endpoints that are tried for a connection may
// take (EndpointDialTimeouts in proxysocket.go).
func dialTimeouts() []time.Duration {
	return []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}
}

// dialer opens a connection within a timeout.
type dialer func(ctx context.Context, network string, to netip.AddrPort, timeout time.Duration) (net.Conn, error)

func dial(ctx context.Context, network string, to netip.AddrPort, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout}
	return d.DialContext(ctx, network, to.String())
}

// errNobody is that no endpoint took a connection.
var errNobody = errors.New("no endpoint takes the connection")

// connect opens a connection for a client to an endpoint: to the next one for as long
// as they fail and there is a timeout left. The failure of one with whom the client
// has an affinity ends that.
func (s *socket) connect(ctx context.Context, network string, client netip.Addr) (net.Conn, netip.AddrPort, error) {
	for i, timeout := range dialTimeouts() {
		to, ok := s.balancer.pick(client, i > 0)
		if !ok {
			break
		}
		c, err := s.dial(ctx, network, to, timeout)
		if err == nil {
			return c, to, nil
		}
		if errors.Is(err, unix.EMFILE) {
			s.fail(tooManyFiles(err))
			break
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, netip.AddrPort{}, errNobody
}
