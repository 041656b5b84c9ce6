package probe

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/svcmark/svcmark/backends"
)

// Ask sends one request to target and returns who answered. A connection that
// is refused, unreachable, or silent for longer than timeout is a unix.Errno
// (ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, …) in the error's chain.
func Ask(proto backends.Protocol, target netip.AddrPort, timeout time.Duration) (Answer, error) {
	a, err := ask(proto, target, timeout)
	if err != nil {
		return Answer{}, fmt.Errorf("asking %s over %s: %w", target, proto, err)
	}
	return a, nil
}

func ask(proto backends.Protocol, target netip.AddrPort, timeout time.Duration) (Answer, error) {
	sa, err := newAddress(target)
	if err != nil {
		return Answer{}, err
	}
	s, err := open(proto, timeout)
	if err != nil {
		return Answer{}, err
	}
	defer s.close()
	var b [MessageSize]byte
	err = unsignaled(func() error {
		if err := s.connect(sa); err != nil {
			return err
		}
		if err := s.send(&b); err != nil {
			return err
		}
		return s.receive(&b)
	})
	if err != nil {
		return Answer{}, err
	}
	return decode(b[:])
}
