package probe

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// mostTries bounds the search for a port that no question had: where nearly all of the
// kernel's range were used, one of them comes again.
const mostTries = 16

// fresh opens a question's flow. Over UDP the kernel gives out ports at random, and one
// that a question to the target had before is soon among them: its packets would go the
// way that connection tracking remembers, and not the one that the rules have now. So
// such a port is held while another is asked for. TCP's ports come in turn, and connection
// tracking takes the first packet of one that was reset for a new flow. What the network
// says to a question is no error.
func (r *stream) fresh(a *asked) (said, err error) {
	target, to := r.Targets[a.reply.Asked], r.to[a.reply.Asked]
	var held []socket
	defer func() {
		for _, h := range held {
			h.close()
		}
	}()
	for {
		if a.socket, err = open(target.Protocol, target.Addr.Addr(), 0); err != nil {
			return nil, err
		}
		a.reply.Sent = r.Now()
		said = a.socket.connect(to)
		if target.Protocol != backends.UDP || said != nil {
			return said, nil
		}
		port, err := a.socket.port()
		if err != nil {
			a.socket.close()
			return nil, err
		}
		use := portUse{target.Addr, port}
		if !r.ports[use] || len(held) == mostTries {
			r.ports[use] = true
			return nil, nil
		}
		held = append(held, a.socket)
	}
}

// portUse is a local port from which a target was asked.
type portUse struct {
	target netip.AddrPort
	port   int
}

func (s socket) port() (int, error) {
	sa, err := unix.Getsockname(int(s))
	if err != nil {
		return 0, err
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sa.Port, nil
	case *unix.SockaddrInet6:
		return sa.Port, nil
	}
	return 0, unix.EAFNOSUPPORT
}
