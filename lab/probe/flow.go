package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// Flow is one flow that stays open: all its packets carry the same source and
// destination. Like every socket it stays in the network namespace in which it
// was opened, whichever thread asks through it. Nobody times it, and so the
// runtime learns of every wait: many may wait at a time.
type Flow struct {
	socket socket
	name   string
}

// OpenFlow connects a socket to target. Over UDP that sends nothing. No call
// takes longer than timeout.
func OpenFlow(proto backends.Protocol, target netip.AddrPort, timeout time.Duration) (*Flow, error) {
	f, err := openFlow(netip.AddrPort{}, proto, target, timeout)
	if err != nil {
		return nil, fmt.Errorf("opening the flow to %s over %s: %w", target, proto, err)
	}
	return f, nil
}

func openFlow(source netip.AddrPort, proto backends.Protocol, target netip.AddrPort, timeout time.Duration) (*Flow, error) {
	to, err := sockaddr(target)
	if err != nil {
		return nil, err
	}
	s, err := open(proto, target.Addr(), timeout)
	if err != nil {
		return nil, err
	}
	if source.IsValid() {
		err = s.bind(source)
	}
	if err == nil {
		err = unsignaled(func() error { return waited(unix.Connect(int(s), to)) })
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return &Flow{s, fmt.Sprintf("%s over %s", target, proto)}, nil
}

// Ask sends one request and returns who answered it.
func (f *Flow) Ask() (Answer, error) {
	a, err := f.ask()
	if err != nil {
		return Answer{}, fmt.Errorf("asking through the flow to %s: %w", f.name, err)
	}
	return a, nil
}

func (f *Flow) ask() (Answer, error) {
	var b [MessageSize]byte
	n := 0
	err := unsignaled(func() (err error) {
		if err := unix.Sendto(int(f.socket), b[:], unix.MSG_NOSIGNAL, nil); err != nil {
			return waited(err)
		}
		n, _, err = unix.Recvfrom(int(f.socket), b[:], unix.MSG_WAITALL)
		return waited(err)
	})
	if err != nil {
		return Answer{}, err
	}
	return decode(b[:n])
}

// Close ends the flow.
func (f *Flow) Close() { f.socket.close() }

// bind fixes where the socket sends from. The address need not be one of the
// host's by name: a local route will do.
func (s socket) bind(source netip.AddrPort) error {
	from, err := sockaddr(source)
	if err != nil {
		return err
	}
	level, option := unix.IPPROTO_IP, unix.IP_FREEBIND
	if source.Addr().Is6() {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_FREEBIND
	}
	if err := unix.SetsockoptInt(int(s), level, option, 1); err != nil {
		return fmt.Errorf("setting freebind: %w", err)
	}
	if err := unix.Bind(int(s), from); err != nil {
		return fmt.Errorf("binding to %s: %w", source, err)
	}
	return nil
}

func sockaddr(a netip.AddrPort) (unix.Sockaddr, error) {
	if _, err := newAddress(a); err != nil {
		return nil, err
	}
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}, nil
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}, nil
}

// waited makes every timeout ETIMEDOUT.
func waited(err error) error {
	var e unix.Errno
	if errors.As(err, &e) {
		return timedOut(e)
	}
	return err
}
