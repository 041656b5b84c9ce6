package scenarios

import (
	"math"
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// node is the node whose dataplane is programmed.
func (n Network) node() backends.Node {
	return backends.Node{
		Name:         "node-0",
		Addrs:        []netip.Addr{netip.AddrFrom4([4]byte{192, 168, 0, 1})},
		ClusterCIDRs: []netip.Prefix{n.ClusterCIDR},
		ServiceCIDRs: []netip.Prefix{n.ServiceCIDR},
	}
}

// room is how many addresses a pool of an IPv4 range holds.
func room(p netip.Prefix) int { return 1<<(32-p.Bits()) - 3 }

// serviceRoom is how many ClusterIPs there are.
func (n Network) serviceRoom() int { return room(n.ServiceCIDR) }

// endpointRoom is how many endpoints there are on both endpoint hosts.
func (n Network) endpointRoom() int {
	node := n.node()
	hosts := node.EndpointHostCIDRs(backends.IPv4)
	return room(hosts[0]) + room(hosts[1])
}

// taken are the ranges that no Service or pod can have.
var taken = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "addresses of this host"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback addresses"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local addresses"},
	{netip.MustParsePrefix("192.168.0.0/16"), "the lab's own addresses, the node's among them"},
	{netip.MustParsePrefix("224.0.0.0/3"), "multicast and reserved addresses"},
}

// check gives how many Services and endpoints the network holds; a bad range,
// of which that cannot be said, sets no bound.
func (n Network) check(ps *problems) (serviceRoom, endpointRoom int) {
	// A /22 is the longest whose quarters hold the node's /24 (backends.Node).
	goodServices := checkPrefix(ps, "network.serviceCIDR", n.ServiceCIDR, 8, 28)
	goodPods := checkPrefix(ps, "network.clusterCIDR", n.ClusterCIDR, 8, 22)
	if goodServices && goodPods && n.ServiceCIDR.Overlaps(n.ClusterCIDR) {
		ps.add("network.clusterCIDR", "clusterCIDR %s overlaps serviceCIDR %s; want two separate ranges", n.ClusterCIDR, n.ServiceCIDR)
		ps.with("network.serviceCIDR")
	}
	serviceRoom, endpointRoom = math.MaxInt, math.MaxInt
	if goodServices {
		serviceRoom = n.serviceRoom()
	}
	if goodPods {
		endpointRoom = n.endpointRoom()
	}
	return serviceRoom, endpointRoom
}

func checkPrefix(ps *problems, path string, p netip.Prefix, shortest, longest int) bool {
	switch {
	case !p.Addr().Is4():
		ps.add(path, "%s is no IPv4 range; IPv6 Services are not generated yet", p)
		return false
	case p.Bits() < shortest || p.Bits() > longest:
		ps.add(path, "%s has the length /%d; want /%d to /%d", p, p.Bits(), shortest, longest)
		return false
	case p != p.Masked():
		ps.add(path, "%s starts inside its range; want %s", p, p.Masked())
		return false
	}
	for _, t := range taken {
		if t.prefix.Overlaps(p) {
			ps.add(path, "%s overlaps %s, which are %s", p, t.prefix, t.what)
			return false
		}
	}
	return true
}
