package scenarios

import (
	"math"
	"net/netip"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// labAddr is the node's address of a family when the scenario gives none.
func labAddr(f backends.Family) netip.Addr {
	if f == backends.IPv6 {
		return netip.MustParseAddr("fd00:c0a8::1")
	}
	return netip.AddrFrom4([4]byte{192, 168, 0, 1})
}

// node is the node whose dataplane is programmed.
func (s *Scenario) node() backends.Node {
	n := backends.Node{
		Name: s.Node.Name, Zone: s.Node.Zone, Addrs: s.Node.Addrs,
		ClusterCIDRs: s.Network.ClusterCIDRs, ServiceCIDRs: s.Network.ServiceCIDRs,
	}
	if n.Addrs == nil {
		for _, f := range s.Network.families() {
			n.Addrs = append(n.Addrs, labAddr(f))
		}
	}
	return n
}

// families are those of the network, the primary one first.
func (n Network) families() []backends.Family {
	var families []backends.Family
	for _, p := range n.ServiceCIDRs {
		families = append(families, backends.FamilyOf(p.Addr()))
	}
	return families
}

// room is how many addresses a pool of a range holds.
func room(p netip.Prefix) int { return 1<<hostBits(p) - 3 }

// hostBits are the bits that a pool deals out: the rest of an IPv6 range stays
// unused.
func hostBits(p netip.Prefix) int { return min(32, p.Addr().BitLen()-p.Bits()) }

// serviceRoom is how many ClusterIPs there are of every family.
func (n Network) serviceRoom() int {
	least := math.MaxInt
	for _, p := range n.ServiceCIDRs {
		least = min(least, room(p))
	}
	return least
}

// endpointRoom is how many endpoints of every family there are on both endpoint
// hosts.
func (n Network) endpointRoom() int {
	least := math.MaxInt
	node := backends.Node{ClusterCIDRs: n.ClusterCIDRs}
	for _, f := range n.families() {
		hosts := node.EndpointHostCIDRs(f)
		least = min(least, room(hosts[0])+room(hosts[1]))
	}
	return least
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
	{netip.MustParsePrefix("::/16"), "reserved addresses, loopback among them"},
	{netip.MustParsePrefix("fe80::/10"), "link-local addresses"},
	{netip.MustParsePrefix("fd00:c0a8::/32"), "the lab's own addresses, the node's among them"},
	{netip.MustParsePrefix("ff00::/8"), "multicast addresses"},
}

// lengths are the shortest and the longest prefix of a range. Behind a longer
// cluster CIDR its quarters would not hold the node's pod range (backends.Node);
// the API takes no longer service CIDR in IPv6 either.
type lengths struct{ shortest, longest int }

const serviceCIDRPath, clusterCIDRPath = "network.serviceCIDR", "network.clusterCIDR"

// check gives how many Services and endpoints the generator has room for; a bad
// range, of which that cannot be said, sets no bound.
func (n Network) check(ps *problems) (serviceRoom, endpointRoom int) {
	serviceRoom, endpointRoom = math.MaxInt, math.MaxInt
	goodServices := checkPrefixes(ps, serviceCIDRPath, n.ServiceCIDRs, lengths{8, 28}, lengths{64, 124})
	goodPods := checkPrefixes(ps, clusterCIDRPath, n.ClusterCIDRs, lengths{8, 22}, lengths{16, 62})
	if goodServices && goodPods {
		if !sameFamilies(n.ServiceCIDRs, n.ClusterCIDRs) {
			ps.add(clusterCIDRPath, "clusterCIDR %s and serviceCIDR %s are not of the same families", joined(n.ClusterCIDRs), joined(n.ServiceCIDRs))
			ps.with(serviceCIDRPath)
			return serviceRoom, endpointRoom
		}
		for _, c := range n.ClusterCIDRs {
			for _, s := range n.ServiceCIDRs {
				if s.Overlaps(c) {
					ps.add(clusterCIDRPath, "clusterCIDR %s overlaps serviceCIDR %s; want two separate ranges", c, s)
					ps.with(serviceCIDRPath)
					return n.serviceRoom(), n.endpointRoom()
				}
			}
		}
	}
	if goodServices {
		serviceRoom = n.serviceRoom()
	}
	if goodPods && goodServices {
		endpointRoom = n.endpointRoom()
	}
	return serviceRoom, endpointRoom
}

// checkListed checks the ranges of a scenario that writes its Services out:
// whatever a cluster can have.
func (n Network) checkListed(ps *problems) {
	for _, r := range []struct {
		path     string
		prefixes []netip.Prefix
	}{{serviceCIDRPath, n.ServiceCIDRs}, {clusterCIDRPath, n.ClusterCIDRs}} {
		for i, p := range r.prefixes {
			path := item(r.path, i, len(r.prefixes))
			switch {
			case p.Addr().Is4In6():
				ps.add(path, "%s is no plain range", p)
			case p != p.Masked():
				ps.add(path, "%s starts inside its range; want %s", p, p.Masked())
			case i > 1 || i == 1 && backends.FamilyOf(p.Addr()) == backends.FamilyOf(r.prefixes[0].Addr()):
				ps.add(path, "%s is a second range of a family; want at most one of each", p)
			}
		}
	}
}

func checkPrefixes(ps *problems, path string, list []netip.Prefix, v4, v6 lengths) bool {
	if len(list) == 0 {
		ps.add(path, "is empty; want one range, or one of each family")
		return false
	}
	good := true
	for i, p := range list {
		at, l := item(path, i, len(list)), v4
		if p.Addr().Is6() {
			l = v6
		}
		if i > 1 || i == 1 && backends.FamilyOf(p.Addr()) == backends.FamilyOf(list[0].Addr()) {
			ps.add(at, "%s is a second range of a family; want at most one of each", p)
			good = false
		} else if !checkPrefix(ps, at, p, l) {
			good = false
		}
	}
	return good
}

func checkPrefix(ps *problems, path string, p netip.Prefix, l lengths) bool {
	switch {
	case p.Addr().Is4In6():
		ps.add(path, "%s is no plain range", p)
		return false
	case p.Bits() < l.shortest || p.Bits() > l.longest:
		ps.add(path, "%s has the length /%d; want /%d to /%d", p, p.Bits(), l.shortest, l.longest)
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

// sameFamilies reports whether both lists have the same families, in any order.
func sameFamilies(a, b []netip.Prefix) bool {
	if len(a) != len(b) {
		return false
	}
	for _, p := range a {
		if !hasFamily(b, backends.FamilyOf(p.Addr())) {
			return false
		}
	}
	return true
}

func hasFamily(list []netip.Prefix, f backends.Family) bool {
	for _, p := range list {
		if backends.FamilyOf(p.Addr()) == f {
			return true
		}
	}
	return false
}

// joined names ranges in a message.
func joined(list []netip.Prefix) string {
	var texts []string
	for _, p := range list {
		texts = append(texts, p.String())
	}
	return strings.Join(texts, ", ")
}
