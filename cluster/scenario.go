package cluster

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/scenarios"
)

// Options say for which node a cluster is looked at. What is nil or "" is taken
// from the cluster's objects, as well as they tell it.
type Options struct {
	NodeName     string
	NodeIPs      []netip.Addr
	ClusterCIDRs []netip.Prefix
	ServiceCIDRs []netip.Prefix
	Times        int // what is guessed has room for the cluster so many times; 0 is once
}

// View is a cluster as a node of it sees it. Notes say where each of its values
// comes from, a sentence each.
type View struct {
	Node    scenarios.Node
	Network scenarios.Network
	Notes   []string
}

func (v *View) note(sentence string) { v.Notes = append(v.Notes, sentence) }

// View finds out what the objects tell of the node and the network. An error
// says that the cluster has no such node.
func (c *Cluster) View(o Options) (*View, error) {
	v := &View{}
	if err := c.node(v, o); err != nil {
		return nil, err
	}
	v.Network.ServiceCIDRs = slices.Clone(o.ServiceCIDRs)
	if o.ServiceCIDRs == nil {
		v.Network.ServiceCIDRs = c.serviceCIDRs(max(1, o.Times))
		often := ""
		if o.Times > 1 {
			often = fmt.Sprintf(", and as many for %d times the cluster", o.Times)
		}
		v.note("network.serviceCIDR is a guess: the smallest range that holds every ClusterIP" + often + ". Give it with --service-cidr.")
	}
	v.Network.ClusterCIDRs = slices.Clone(o.ClusterCIDRs)
	if o.ClusterCIDRs == nil {
		var held []netip.Prefix
		for i := range c.Nodes {
			held = append(held, c.Nodes[i].PodCIDRs...)
		}
		v.Network.ClusterCIDRs = around(held, v.Network.ServiceCIDRs)
		if len(held) > 0 {
			v.note("network.clusterCIDR is a guess: the smallest range that holds every node's podCIDRs. Give it with --cluster-cidr.")
		} else {
			v.note("network.clusterCIDR is empty: no node has podCIDRs. kube-proxy without --cluster-cidr takes nobody's traffic for a pod's; give it with --cluster-cidr.")
		}
	}
	return v, nil
}

// node is the one that is asked for, or else the one with the most endpoints.
func (c *Cluster) node(v *View, o Options) error {
	v.Node.Name = o.NodeName
	if o.NodeName == "" {
		most := math.MaxInt
		if o.Times > 1 {
			most = scenarios.LocalPods / o.Times
		}
		v.Node.Name = c.busiest(most)
		if v.Node.Name == "" {
			v.Node.Name = "node-0"
			v.note("node is made up: the objects name none. Give it with --node-name and --node-ip.")
		} else {
			often := ""
			if o.Times > 1 {
				often = fmt.Sprintf(" of which the lab has room for %d times", o.Times)
			}
			v.note("node is the one with the most endpoints" + often + ". Choose another with --node-name.")
		}
	}
	i := slices.IndexFunc(c.Nodes, func(n Node) bool { return n.Name == v.Node.Name })
	switch {
	case i >= 0:
		v.Node.Zone, v.Node.Addrs = c.Nodes[i].Zone, slices.Clone(c.Nodes[i].Addrs)
	case len(c.Nodes) > 0 && o.NodeName != "":
		return fmt.Errorf("the cluster has no node %s; of its %d nodes the first is %s", quote(o.NodeName), len(c.Nodes), c.Nodes[0].Name)
	}
	if o.NodeIPs != nil {
		v.Node.Addrs = slices.Clone(o.NodeIPs)
	} else if v.Node.Addrs == nil {
		v.note("node.addresses are the lab's own: the objects tell none. Give them with --node-ip.")
	}
	return nil
}

// busiest is the node with the most endpoints, but no more than so many, of several such
// the first by name, or else the first of the Nodes. Where all have more it is the one with
// the fewest.
func (c *Cluster) busiest(most int) string {
	counts := map[string]int{}
	for i := range c.Nodes {
		counts[c.Nodes[i].Name] = 0
	}
	known := len(counts) > 0
	for i := range c.Services {
		for j := range c.Services[i].Endpoints {
			for _, e := range c.Services[i].Endpoints[j].Endpoints {
				if _, is := counts[e.Node]; e.Node != "" && (is || !known) {
					counts[e.Node]++
				}
			}
		}
	}
	best := ""
	for name, n := range counts {
		more := n > counts[best]
		if max(n, counts[best]) > most {
			more = n < counts[best]
		}
		if best == "" || more || n == counts[best] && name < best {
			best = name
		}
	}
	return best
}

// serviceCIDRs hold every ClusterIP so many times. The primary family, that of most Services'
// first ClusterIP, comes first.
func (c *Cluster) serviceCIDRs(times int) []netip.Prefix {
	var held []netip.Prefix
	first, count := map[backends.Family]int{}, map[backends.Family]int{}
	for i := range c.Services {
		s := &c.Services[i]
		for j, a := range s.ClusterIPs {
			if j == 0 {
				first[backends.FamilyOf(a)]++
			}
			count[backends.FamilyOf(a)]++
			// The API server's own Service has the range's first address.
			if s.Namespace == "default" && s.Name == "kubernetes" {
				a = a.Prev()
			}
			held = append(held, netip.PrefixFrom(a, min(a.BitLen(), shortest(a))))
		}
	}
	ranges := around(held, nil)
	for i, r := range ranges {
		// Three addresses of a range are no Service's.
		for n := times*count[backends.FamilyOf(r.Addr())] + 3; times > 1 && r.Bits() > 0 && r.Addr().BitLen()-r.Bits() < bits.Len(uint(n-1)); {
			r = netip.PrefixFrom(r.Addr(), r.Bits()-1).Masked()
		}
		ranges[i] = r
	}
	slices.SortStableFunc(ranges, func(a, b netip.Prefix) int {
		return cmp.Compare(first[backends.FamilyOf(b.Addr())], first[backends.FamilyOf(a.Addr())])
	})
	return ranges
}

// shortest is the length of the smallest range that a guess is worth.
func shortest(a netip.Addr) int {
	if a.Is4() {
		return 24
	}
	return 112
}

// around is the smallest range of each family that holds all of the prefixes, in
// the order of the families of another list, or else IPv4 first.
func around(held, like []netip.Prefix) []netip.Prefix {
	ranges := []netip.Prefix{}
	for _, f := range backends.Families() {
		var all netip.Prefix
		for _, p := range held {
			switch {
			case backends.FamilyOf(p.Addr()) != f:
			case !all.IsValid():
				all = p.Masked()
			default:
				for !all.Contains(p.Addr()) || all.Bits() > p.Bits() {
					all = netip.PrefixFrom(all.Addr(), all.Bits()-1).Masked()
				}
			}
		}
		if all.IsValid() {
			ranges = append(ranges, all)
		}
	}
	if len(ranges) == 2 && len(like) > 0 && like[0].Addr().Is6() {
		slices.Reverse(ranges)
	}
	return ranges
}

// Size is how many Services and endpoints there are.
func (c *Cluster) Size() (services, endpoints int) {
	for i := range c.Services {
		for j := range c.Services[i].Endpoints {
			endpoints += len(c.Services[i].Endpoints[j].Endpoints)
		}
	}
	return len(c.Services), endpoints
}
