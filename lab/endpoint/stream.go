package endpoint

import (
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/probe"
)

// backlog is how many connections may wait for accept. Probes that only
// connect are faster than a server that shares their core.
const backlog = 4096

// accept takes one waiting connection of TCP or SCTP, if there is one, and works
// out its answer, which stays the same as long as it is open.
func accept(listener int, proto backends.Protocol) (int, probe.Answer, bool) {
	fd, peer, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return -1, probe.Answer{}, false
	}
	local, err := unix.Getsockname(fd)
	if err == nil && proto == backends.TCP {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err != nil {
		unix.Close(fd)
		return -1, probe.Answer{}, false
	}
	return fd, probe.Answer{Endpoint: addrPort(local), Client: addrPort(peer)}, true
}

// stream is one open connection.
type stream struct {
	reply   [probe.MessageSize]byte
	request [probe.MessageSize]byte
	partial int   // bytes of a request that arrived without its rest
	bulk    int64 // bytes that are to come and are swallowed
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
	for b := scratch[:n]; len(b) > 0; {
		if s.bulk > 0 {
			k := min(s.bulk, int64(len(b)))
			s.bulk, b = s.bulk-k, b[k:]
		} else {
			k := copy(s.request[s.partial:], b)
			s.partial, b = s.partial+k, b[k:]
			if s.partial < probe.MessageSize {
				break
			}
			s.partial, s.bulk = 0, probe.Bulk(&s.request)
		}
		if s.bulk > 0 {
			continue
		}
		// A client that does not read its replies loses its connection: the
		// socket's buffer holds thousands of them.
		if n, err := unix.SendmsgN(fd, s.reply[:], nil, nil, unix.MSG_NOSIGNAL); err != nil || n != probe.MessageSize {
			return false
		}
	}
	return true
}
