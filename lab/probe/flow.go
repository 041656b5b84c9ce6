package probe

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/svcmark/svcmark/backends"
)

// Flow is one flow that stays open: all its packets carry the same source and
// destination. Like every socket it stays in the network namespace in which it
// was opened, whichever thread asks through it.
type Flow struct {
	socket socket
	name   string
}

// OpenFlow connects a socket to target. Over UDP that sends nothing.
func OpenFlow(proto backends.Protocol, target netip.AddrPort, timeout time.Duration) (*Flow, error) {
	name := fmt.Sprintf("%s over %s", target, proto)
	sa, err := newAddress(target)
	if err != nil {
		return nil, err
	}
	s, err := open(proto, target.Addr(), timeout)
	if err != nil {
		return nil, err
	}
	if err := unsignaled(func() error { return s.connect(sa) }); err != nil {
		s.close()
		return nil, fmt.Errorf("opening the flow to %s: %w", name, err)
	}
	return &Flow{s, name}, nil
}

// Ask sends one request and returns who answered it.
func (f *Flow) Ask() (Answer, error) {
	var b [MessageSize]byte
	err := unsignaled(func() error {
		if err := f.socket.send(&b); err != nil {
			return err
		}
		return f.socket.receive(&b)
	})
	if err != nil {
		return Answer{}, fmt.Errorf("asking through the flow to %s: %w", f.name, err)
	}
	return decode(b[:])
}

// Close ends the flow.
func (f *Flow) Close() { f.socket.close() }
