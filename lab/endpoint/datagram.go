package endpoint

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab/probe"
)

// tellAddress has the kernel put the address that a packet was sent to, which
// the answer must also come from, into its ancillary data: the socket is bound to
// all of them.
func tellAddress(fd, family int) error {
	if family == unix.AF_INET {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1); err != nil {
		return err
	}
	// Unlike IPv4, IPv6 does not let a packet come from an address that is the
	// host's by a route alone.
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
}

// datagrams answers requests that arrive at one UDP port in one family.
type datagrams struct {
	port    uint16
	request [probe.MessageSize + 1]byte
	oob     [128]byte
	reply   [probe.MessageSize]byte
}

// serve answers one waiting request; false means that none waits.
func (d *datagrams) serve(fd int) bool {
	n, oobn, _, from, err := unix.Recvmsg(fd, d.request[:], d.oob[:], 0)
	if err != nil {
		return err == unix.EINTR
	}
	local, source, ok := askedAt(d.oob[:oobn])
	if n != probe.MessageSize || !ok {
		return true // not a request of ours
	}
	probe.Answer{Endpoint: netip.AddrPortFrom(local, d.port), Client: addrPort(from)}.Encode(&d.reply)
	// Loss is a client's timeout, as on a real host; there is nobody to tell here.
	_ = unix.Sendmsg(fd, d.reply[:], source, from, 0)
	return true
}

// askedAt finds the address that a request was sent to, and what makes the
// answer come from it.
func askedAt(oob []byte) (local netip.Addr, source []byte, ok bool) {
	for len(oob) >= unix.CmsgLen(0) {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return netip.Addr{}, nil, false
		}
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			a := (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Addr
			return netip.AddrFrom4(a), unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: a}), true
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			a := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0])).Addr
			return netip.AddrFrom16(a), unix.PktInfo6(&unix.Inet6Pktinfo{Addr: a}), true
		}
		oob = rest
	}
	return netip.Addr{}, nil, false
}
