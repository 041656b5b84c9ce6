package endpoint

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// listen opens a socket of a protocol at an address, which may be the
// unspecified one of a family.
func listen(proto backends.Protocol, at netip.AddrPort) (fd int, err error) {
	kind, number := unix.SOCK_STREAM, 0
	switch proto {
	case backends.UDP:
		kind = unix.SOCK_DGRAM
	case backends.SCTP:
		number = unix.IPPROTO_SCTP
	}
	family := unix.AF_INET
	var sa unix.Sockaddr = &unix.SockaddrInet4{Addr: as4(at.Addr()), Port: int(at.Port())}
	if at.Addr().Is6() {
		family, sa = unix.AF_INET6, &unix.SockaddrInet6{Addr: at.Addr().As16(), Port: int(at.Port())}
	}
	fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, number)
	if err != nil {
		return -1, err
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
			err = fmt.Errorf("listening on %s over %s: %w", at, proto, err)
		}
	}()
	if family == unix.AF_INET6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return -1, err
		}
	}
	if proto == backends.UDP {
		if err := tellAddress(fd, family); err != nil {
			return -1, err
		}
	} else if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, sa); err != nil {
		return -1, err
	}
	if proto != backends.UDP {
		if err := unix.Listen(fd, backlog); err != nil {
			return -1, err
		}
	}
	return fd, nil
}

func as4(a netip.Addr) [4]byte {
	if a.Is4() {
		return a.As4()
	}
	return [4]byte{}
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch in := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(in.Addr), uint16(in.Port))
	}
	return netip.AddrPort{}
}
