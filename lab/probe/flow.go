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
	stream bool // the peer's end is no empty reply
}

// OpenFlow connects a socket to target. Over UDP that sends nothing. No call
// takes longer than timeout.
func OpenFlow(proto backends.Protocol, target netip.AddrPort, timeout time.Duration) (*Flow, error) {
	return OpenFlowFrom(netip.AddrPort{}, proto, target, timeout)
}

// OpenFlowFrom is OpenFlow from an address of the host, as AskFrom has it.
func OpenFlowFrom(source netip.AddrPort, proto backends.Protocol, target netip.AddrPort, timeout time.Duration) (*Flow, error) {
	f, err := openFlow(source, proto, target, timeout)
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
		err = unsignaled(func() error { return s.reach(to, timeout) })
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return newFlow(s, Target{proto, target}), nil
}

// reach connects the socket. It is told of a refusal at once, where a blocking
// connect(2) may not be: when client and node share a CPU the ICMP message
// arrives while connect still holds the socket, and the kernel (tcp_v4_err)
// notes it as a soft error, which ends nothing.
func (s socket) reach(to unix.Sockaddr, timeout time.Duration) error {
	fd := int(s)
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	err := unix.Connect(fd, to)
	if errors.Is(err, unix.EINPROGRESS) {
		if err = s.failure(); err == nil {
			err = s.connected(timeout)
		}
	}
	if err != nil {
		return err
	}
	return unix.SetNonblock(fd, false)
}

// connected waits for the end of a connect that is under way.
func (s socket) connected(timeout time.Duration) error {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(s), Events: unix.POLLOUT}}, int(timeout.Milliseconds()))
	if err != nil {
		return err
	}
	if err := s.failure(); err != nil {
		return err
	}
	if n == 0 {
		return unix.ETIMEDOUT
	}
	return nil
}

// failure is the error, soft or not, that the kernel has noted.
func (s socket) failure() error {
	e, err := unix.GetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || e == 0 {
		return err
	}
	return unix.Errno(e)
}

// Ask sends one request and returns who answered it. A peer that closes a connection
// without a reply is ECONNRESET, whether it sent a reset or not.
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
	if n == 0 && f.stream {
		return Answer{}, unix.ECONNRESET
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
