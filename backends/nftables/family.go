package nftables

import (
	"net/netip"

	"sigs.k8s.io/knftables"

	"github.com/svcmark/svcmark/backends"
)

// family is what differs between a node's two tables.
type family struct {
	of     backends.Family
	ip     string // what nft calls it, as a table's family and as a header
	addr   string // its type of addresses
	nodeIP netip.Addr
	// everyAddr says that NodePorts are those of all the node's addresses: none of
	// them is the primary one, which NodePorts otherwise have to themselves.
	everyAddr bool
	// pods and services are the ranges, zero when the node has none.
	pods, services netip.Prefix
	layout         Layout
	node           *backends.Node
}

func newFamily(f backends.Family, n *backends.Node, l Layout) *family {
	fam := &family{of: f, ip: "ip", addr: "ipv4_addr", layout: l}
	if f == backends.IPv6 {
		fam.ip, fam.addr = "ip6", "ipv6_addr"
	}
	if n != nil {
		fam.everyAddr = !n.Addr(f).IsValid()
		fam.node, fam.nodeIP, fam.pods, fam.services = n, n.ProxyAddr(f), n.ClusterCIDR(f), n.ServiceCIDR(f)
	}
	return fam
}

// knft is knftables' name of the family.
func (f *family) knft() knftables.Family { return knftables.Family(f.ip) }

// notPod matches packets that come from no pod of the cluster, isPod those
// that do; "" when the range is not known.
func (f *family) notPod() string { return f.from("!= ") }
func (f *family) isPod() string  { return f.from("") }

func (f *family) from(op string) string {
	if !f.pods.IsValid() {
		return ""
	}
	return f.ip + " saddr " + op + f.pods.String()
}
