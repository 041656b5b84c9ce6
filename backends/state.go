package backends

import (
	"net/netip"
)

// State is everything that a node's dataplane should serve. It is immutable
// once built: backends share it, may keep it until the next call, and never
// write to it.
type State struct {
	Node Node
	// Services are in the order in which a backend whose lookup walks a list
	// lays them out; position measurements rely on it. The generator sorts
	// them by ServicePort.Compare. No two have the same Key.
	Services []ServicePort
	// Unserved are the Services that no dataplane programs. They are here so
	// that a rendering can say so.
	Unserved []Unserved
}

// Unserved is a Service that kube-proxy passes over, and why.
type Unserved struct {
	Namespace string
	Name      string
	Reason    string // "headless", "ExternalName", "left to another proxy"
}

// Family is an IP family in Kubernetes' spelling. kube-proxy runs one proxier a
// family, and each looks at the ServicePorts of its own family alone.
type Family string

// The families.
const (
	IPv4 Family = "IPv4"
	IPv6 Family = "IPv6"
)

// Families are both, in the order in which kube-proxy starts their proxiers.
func Families() []Family { return []Family{IPv4, IPv6} }

// FamilyOf is the family of a valid address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// Node is the node whose dataplane is programmed.
type Node struct {
	Name string
	// Zone is the node's label topology.kubernetes.io/zone, "" without one.
	Zone string
	// Addrs are the node's own addresses; the first of a family is its
	// InternalIP.
	Addrs []netip.Addr
	// ClusterCIDRs hold every pod, at most one prefix a family. Traffic from
	// outside them to a ClusterIP is masqueraded, as kube-proxy does with
	// --cluster-cidr; without one of a family none of that family is.
	ClusterCIDRs []netip.Prefix
	ServiceCIDRs []netip.Prefix // hold every ClusterIP
}

// Addr is the node's InternalIP of a family, the zero Addr when it has none.
func (n *Node) Addr(f Family) netip.Addr {
	for _, a := range n.Addrs {
		if FamilyOf(a) == f {
			return a
		}
	}
	return netip.Addr{}
}

// Programs reports whether kube-proxy has a proxier for a family on the node. It
// has one for each family that the kernel has (platformCheckSupported in
// cmd/kube-proxy/app/server_linux.go), whatever addresses the node has, whose fixed
// rules are made even if nothing of the family is served. A node without an IPv6
// address is taken here for one whose kernel has IPv6 switched off.
func (n *Node) Programs(f Family) bool { return f == IPv4 || n.Addr(f).IsValid() }

// ProxyAddr is the address by which kube-proxy knows the node in a family that it
// programs: without one of its own it is loopback (detectNodeIPs).
func (n *Node) ProxyAddr(f Family) netip.Addr {
	if a := n.Addr(f); a.IsValid() || f == IPv6 {
		return a
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// ClusterCIDR is the prefix that holds every pod's address of a family, the
// zero Prefix when there is none.
func (n *Node) ClusterCIDR(f Family) netip.Prefix { return ofFamily(n.ClusterCIDRs, f) }

// ServiceCIDR is the prefix that holds every ClusterIP of a family, the zero
// Prefix when there is none.
func (n *Node) ServiceCIDR(f Family) netip.Prefix { return ofFamily(n.ServiceCIDRs, f) }

func ofFamily(prefixes []netip.Prefix, f Family) netip.Prefix {
	for _, p := range prefixes {
		if FamilyOf(p.Addr()) == f {
			return p
		}
	}
	return netip.Prefix{}
}
