package endpoint

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab/probe"
)

// backlog is how many connections may wait for accept. Probes that only
// connect are faster than a server that shares their core.
const backlog = 4096

func listenTCP(port uint16) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err == nil {
		if err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(port)}); err == nil {
			err = unix.Listen(fd, backlog)
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("listening on TCP port %d: %w", port, err)
	}
	return fd, nil
}

// accept takes one waiting connection, if there is one, and works out its
// answer, which stays the same as long as it is open.
func accept(listener int) (int, probe.Answer, bool) {
	fd, peer, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return -1, probe.Answer{}, false
	}
	local, err := unix.Getsockname(fd)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err != nil {
		unix.Close(fd)
		return -1, probe.Answer{}, false
	}
	return fd, probe.Answer{Endpoint: addrPort(local), Client: addrPort(peer)}, true
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	if in, ok := sa.(*unix.SockaddrInet4); ok {
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port))
	}
	return netip.AddrPort{}
}

// stream is one open connection.
type stream struct {
	reply   [probe.MessageSize]byte
	partial int // bytes of a request that arrived without its rest
}

// serve answers every whole request that has arrived; false means that the
// connection is over.
func (s *stream) serve(fd int, scratch []byte) bool {
	n, err := unix.Read(fd, scratch)
	if err == unix.EAGAIN || err == unix.EINTR {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	for s.partial += n; s.partial >= probe.MessageSize; s.partial -= probe.MessageSize {
		// A client that does not read its replies loses its connection: the
		// socket's buffer holds thousands of them.
		if n, err := unix.SendmsgN(fd, s.reply[:], nil, nil, unix.MSG_NOSIGNAL); err != nil || n != probe.MessageSize {
			return false
		}
	}
	return true
}
