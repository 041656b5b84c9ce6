package probe

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// socket is a blocking socket that is driven by raw system calls: the runtime
// neither polls it nor learns that the thread may block, so nothing but the
// kernel's work lies between two readings of the clock. Timeouts are the
// socket's own, so that no call blocks for good.
type socket int

// open makes a socket, for addresses of to's family, whose every operation ends
// after timeout, or at once where that is 0.
func open(proto backends.Protocol, to netip.Addr, timeout time.Duration) (socket, error) {
	family, kind, number := unix.AF_INET, unix.SOCK_STREAM, 0
	if to.Is6() {
		family = unix.AF_INET6
	}
	switch proto {
	case backends.UDP:
		kind = unix.SOCK_DGRAM
	case backends.SCTP:
		number = unix.IPPROTO_SCTP
	}
	waits := []int{unix.SO_SNDTIMEO, unix.SO_RCVTIMEO}
	if timeout == 0 {
		kind, waits = kind|unix.SOCK_NONBLOCK, nil
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, number)
	if err != nil {
		return -1, fmt.Errorf("opening a %s socket: %w", proto, err)
	}
	tv := unix.NsecToTimeval(int64(timeout))
	for _, opt := range waits {
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, opt, &tv); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("setting a socket's timeout: %w", err)
		}
	}
	if proto != backends.UDP {
		// A reset (in SCTP an abort) on close: thousands of probes leave no
		// TIME_WAIT behind that later ones would have to search through.
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("setting SO_LINGER: %w", err)
		}
	}
	if proto == backends.TCP {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("setting TCP_NODELAY: %w", err)
		}
	}
	return socket(fd), nil
}

func (s socket) close() { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(s), 0, 0) }

// address is a sockaddr in the kernel's own layout. That of IPv4 is shorter and
// begins likewise.
type address struct {
	raw  unix.RawSockaddrInet6
	size uintptr
}

func newAddress(a netip.AddrPort) (*address, error) {
	switch {
	case a.Addr().Is4():
		s := &address{size: unix.SizeofSockaddrInet4}
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		in.Family, in.Addr = unix.AF_INET, a.Addr().As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&in.Port))[:], a.Port())
		return s, nil
	case a.Addr().Is6() && !a.Addr().Is4In6() && a.Addr().Zone() == "":
		s := &address{size: unix.SizeofSockaddrInet6}
		s.raw.Family, s.raw.Addr = unix.AF_INET6, a.Addr().As16()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&s.raw.Port))[:], a.Port())
		return s, nil
	}
	return nil, fmt.Errorf("%s is not an IPv4 or IPv6 address", a)
}

// connect blocks until the peer's answer. A timeout is ETIMEDOUT, whichever
// way the kernel reports it.
func (s socket) connect(sa *address) error {
	_, _, e := unix.RawSyscall(unix.SYS_CONNECT, uintptr(s), uintptr(unsafe.Pointer(&sa.raw)), sa.size)
	return timedOut(e)
}

func (s socket) send(b *[MessageSize]byte) error {
	_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s), uintptr(unsafe.Pointer(b)), MessageSize, unix.MSG_NOSIGNAL, 0, 0)
	return timedOut(e)
}

// receive reads one whole message.
func (s socket) receive(b *[MessageSize]byte) error {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s), uintptr(unsafe.Pointer(b)), MessageSize, unix.MSG_WAITALL, 0, 0)
	if e != 0 {
		return timedOut(e)
	}
	if n != MessageSize {
		return fmt.Errorf("the reply has %d of %d bytes", n, MessageSize)
	}
	return nil
}

func timedOut(e unix.Errno) error {
	switch e {
	case 0:
		return nil
	case unix.EAGAIN, unix.EINPROGRESS:
		return unix.ETIMEDOUT
	}
	return e
}
