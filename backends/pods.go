package backends

import "net/netip"

// PodCIDR holds the pods of the node itself: the first /24 of the ClusterCIDR.
// The client of a lab is its second address, after the gateway.
func (n *Node) PodCIDR() netip.Prefix {
	return netip.PrefixFrom(n.ClusterCIDR.Masked().Addr(), 24)
}

// EndpointHostCIDRs hold the pods of the two other nodes, where endpoints
// live: the second and the third quarter of the ClusterCIDR, which must be an
// IPv4 prefix of at most 22 bits.
func (n *Node) EndpointHostCIDRs() []netip.Prefix {
	base := n.ClusterCIDR.Masked().Addr().As4()
	bits := n.ClusterCIDR.Bits() + 2
	quarter := uint32(1) << (32 - bits)
	first := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	cidrs := make([]netip.Prefix, 0, 2)
	for i := uint32(1); i <= 2; i++ {
		a := first + i*quarter
		cidrs = append(cidrs, netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}), bits))
	}
	return cidrs
}
