package ipvs

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// ip is an address as the kernel holds it: the key of maps, which hash it
// without following a pointer.
type ip struct {
	raw    [16]byte // of an IPv4 address the first four count, and the rest is 0
	family uint8    // unix.AF_INET or unix.AF_INET6; 0 for no address
}

func ipOf(a netip.Addr) ip {
	if a.Is4() {
		v := ip{family: unix.AF_INET}
		b := a.As4()
		copy(v.raw[:], b[:])
		return v
	}
	return ip{raw: a.As16(), family: unix.AF_INET6}
}

// parseIP reads an address of a family out of an attribute, which the kernel
// may have padded to the length of IPv6. Too few bytes are no address.
func parseIP(family uint8, b []byte) (v ip) {
	n := 4
	if family == unix.AF_INET6 {
		n = 16
	}
	if len(b) < n {
		return ip{}
	}
	v.family = family
	copy(v.raw[:], b[:n])
	return v
}

// bytes are the address on the wire.
func (v *ip) bytes() []byte {
	if v.family == unix.AF_INET6 {
		return v.raw[:]
	}
	return v.raw[:4]
}

// bits is the length of the address.
func (v *ip) bits() uint8 { return uint8(8 * len(v.bytes())) }

func (v ip) addr() netip.Addr {
	switch v.family {
	case unix.AF_INET:
		return netip.AddrFrom4([4]byte(v.raw[:4]))
	case unix.AF_INET6:
		return netip.AddrFrom16(v.raw)
	}
	return netip.Addr{}
}

func (v ip) String() string { return v.addr().String() }
