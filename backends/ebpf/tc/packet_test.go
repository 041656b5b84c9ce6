package tc

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// packet is one with an Ethernet header, whole in itself: its checksums are right.
type packet struct {
	proto    uint8
	src, dst netip.AddrPort
	flags    byte // of TCP
	payload  []byte
	bare     bool // without a checksum, which UDP over IPv4 may do
}

func (p packet) build() []byte {
	l4 := make([]byte, udpHeader)
	if p.proto == unix.IPPROTO_TCP {
		l4 = make([]byte, tcpHeader)
		l4[12], l4[tcpFlags] = 5<<4, p.flags
	}
	binary.BigEndian.PutUint16(l4, p.src.Port())
	binary.BigEndian.PutUint16(l4[2:], p.dst.Port())
	l4 = append(l4, p.payload...)
	if p.proto == unix.IPPROTO_UDP {
		binary.BigEndian.PutUint16(l4[4:], uint16(len(l4)))
	}
	if !p.bare {
		binary.BigEndian.PutUint16(l4[sumAt(p.proto):], transportSum(p.src.Addr(), p.dst.Addr(), p.proto, l4))
	}
	return frame(p.src.Addr(), p.dst.Addr(), p.proto, l4)
}

// sumAt is where a transport's checksum is.
func sumAt(proto uint8) int {
	switch proto {
	case unix.IPPROTO_TCP:
		return tcpSum
	case unix.IPPROTO_UDP:
		return udpSum
	}
	return icmpSum
}

// frame puts the headers of IP and Ethernet before a transport's packet.
func frame(src, dst netip.Addr, proto uint8, l4 []byte) []byte {
	eth := make([]byte, ethernet)
	return append(eth, ip(eth, src, dst, proto, l4)...)
}

func ip(eth []byte, src, dst netip.Addr, proto uint8, l4 []byte) []byte {
	if src.Is6() {
		binary.BigEndian.PutUint16(eth[12:], unix.ETH_P_IPV6)
		h := make([]byte, ipv6Header)
		h[0], h[6], h[7] = 6<<4, proto, 64
		binary.BigEndian.PutUint16(h[4:], uint16(len(l4)))
		copy(h[8:], src.AsSlice())
		copy(h[24:], dst.AsSlice())
		return append(h, l4...)
	}
	binary.BigEndian.PutUint16(eth[12:], unix.ETH_P_IP)
	h := make([]byte, ipv4Header)
	h[0], h[8], h[9] = 0x45, 64, proto
	binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(l4)))
	copy(h[12:], src.AsSlice())
	copy(h[16:], dst.AsSlice())
	binary.BigEndian.PutUint16(h[ipv4Sum:], fold(sum(0, h)))
	return append(h, l4...)
}

// unreachable is the ICMP error of a host about a packet that it got.
func unreachable(from netip.Addr, about []byte) []byte {
	quote := about[ethernet:]
	kind, proto, header := byte(3), uint8(unix.IPPROTO_ICMP), ipv4Header
	if from.Is6() {
		kind, proto, header = 1, unix.IPPROTO_ICMPV6, ipv6Header
	}
	src, _ := addrs(about)
	l4 := append([]byte{kind, 3, 0, 0, 0, 0, 0, 0}, quote[:min(len(quote), header+udpHeader+4)]...)
	binary.BigEndian.PutUint16(l4[icmpSum:], transportSum(from, src, proto, l4))
	return frame(from, src, proto, l4)
}

// addrs are a frame's addresses.
func addrs(frame []byte) (src, dst netip.Addr) {
	b := frame[ethernet:]
	if b[0]>>4 == 6 {
		return netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	}
	return netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
}

// transport is what a frame has after its IP header, and the protocol of it.
func transport(frame []byte) ([]byte, uint8) {
	if frame[ethernet]>>4 == 6 {
		return frame[ethernet+ipv6Header:], frame[ethernet+6]
	}
	return frame[ethernet+ipv4Header:], frame[ethernet+9]
}

// ends are a frame's addresses and ports.
func ends(frame []byte) (src, dst netip.AddrPort) {
	a, b := addrs(frame)
	l4, _ := transport(frame)
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(l4)), netip.AddrPortFrom(b, binary.BigEndian.Uint16(l4[2:]))
}

// rightSums checks every checksum of a frame, and of what an ICMP error quotes that
// of the IP header.
func rightSums(t *testing.T, frame []byte) {
	t.Helper()
	src, dst := addrs(frame)
	if src.Is4() && fold(sum(0, frame[ethernet:ethernet+ipv4Header])) != 0 {
		t.Errorf("the checksum of the IPv4 header is wrong: %x", frame)
	}
	l4, proto := transport(frame)
	if proto == unix.IPPROTO_UDP && l4[udpSum] == 0 && l4[udpSum+1] == 0 {
		if src.Is6() {
			t.Errorf("UDP over IPv6 has no checksum: %x", frame)
		}
		return
	}
	if transportSum(src, dst, proto, l4) != 0 {
		t.Errorf("the checksum of protocol %d is wrong: %x", proto, frame)
	}
	if proto == unix.IPPROTO_ICMP && fold(sum(0, l4[icmpHeader:icmpHeader+ipv4Header])) != 0 {
		t.Errorf("the checksum of the quoted IPv4 header is wrong: %x", frame)
	}
}

// transportSum is a transport's checksum, and 0 over a packet that has it (RFC 1071).
func transportSum(src, dst netip.Addr, proto uint8, l4 []byte) uint16 {
	if proto == unix.IPPROTO_ICMP {
		return fold(sum(0, l4))
	}
	s := sum(sum(0, src.AsSlice()), dst.AsSlice()) + uint32(proto) + uint32(len(l4))
	return fold(sum(s, l4))
}

func sum(s uint32, b []byte) uint32 {
	for i, v := range b {
		s += uint32(v) << (8 * (1 - i%2))
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}
