package backends

import "net/netip"

// A ClusterCIDR is dealt out in quarters, so that everyone who holds a Node knows
// where a pod lives without a list: quarter 0 belongs to the node (its pod range
// is the first /24 of it, a /64 in IPv6: the controller manager's default
// --node-cidr-mask-size-ipv4 and -ipv6), quarters 1 and 2 to the two endpoint
// hosts, quarter 3 to nobody. 10.128.0.0/9 gives 10.128.0.0/24 to the node and
// 10.160.0.0/11 and 10.192.0.0/11 to the hosts.

// PodCIDR is the node's own pod range of a family. It is the zero Prefix when
// there is no cluster CIDR of the family, or its quarters are too small to hold
// the range (longer than /22, or /62 in IPv6).
func (n *Node) PodCIDR(f Family) netip.Prefix {
	bits := 24
	if f == IPv6 {
		bits = 64
	}
	q := quarter(n.ClusterCIDR(f), 0)
	if !q.IsValid() || q.Bits() > bits {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(q.Addr(), bits)
}

// EndpointHostCIDRs are the pod ranges of the two endpoint hosts, in the order
// of their addresses. They are zero Prefixes when there is no cluster CIDR of
// the family, or it cannot be divided.
func (n *Node) EndpointHostCIDRs(f Family) [2]netip.Prefix {
	c := n.ClusterCIDR(f)
	return [2]netip.Prefix{quarter(c, 1), quarter(c, 2)}
}

// quarter is the i-th quarter of p, i from 0 to 3.
func quarter(p netip.Prefix, i byte) netip.Prefix {
	if !p.IsValid() || p.Bits()+2 > p.Addr().BitLen() {
		return netip.Prefix{}
	}
	raw := p.Masked().Addr().AsSlice()
	for b := range 2 { // i's two bits, the higher first, follow the prefix
		if i>>(1-b)&1 == 1 {
			at := p.Bits() + b
			raw[at/8] |= 0x80 >> (at % 8)
		}
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(addr, p.Bits()+2)
}
