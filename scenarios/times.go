package scenarios

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// times are how often a list is taken; once where nothing is said.
func (v *Services) times() []int {
	if v.Times == nil {
		return []int{1}
	}
	return v.Times
}

// setTimes keeps one way to say once.
func (v *Services) setTimes(times []int) {
	if slices.Equal(times, []int{1}) {
		times = nil
	}
	v.Times = times
}

// copier continues a list by copies of it. Copy k, from 2 on, has each Service once
// more, with a namespace ("shop" becomes "shop-x2"), ClusterIPs, node ports, addresses
// outside and pods of its own. What Services share in the list, such as a pod, they share
// in each copy. All else is the list's: names, types, ports, policies, conditions, hints,
// and which node a pod is on. A copy is the same however many follow.
type copier struct {
	list       []Service
	namespaces map[string]bool // of the list and its copies
	addrs      map[netip.Addr]bool
	dealers    []*dealer
	nodePorts  map[uint16]bool // of the list
	ports      portDealer
}

// dealer deals out addresses of one kind and family that the list does not have.
type dealer struct {
	what    string
	path    string // of the range in a scenario, where that has it
	family  backends.Family
	cidr    netip.Prefix
	pool    pool
	dealt   int
	perCopy int // how many a copy takes
	free    int // how many there are
}

// The dealers of a family, in their order.
const (
	vipDealer = iota
	outsideDealer
	podDealer
	dealersPerFamily
)

// outsideCIDRs are where the addresses of copies come from that no cluster has a range
// for: those that the generator takes them from.
var outsideCIDRs = map[backends.Family]netip.Prefix{
	backends.IPv4: netip.MustParsePrefix("198.18.0.0/15"), backends.IPv6: netip.MustParsePrefix("2001:2::/48"),
}

func newCopier(s *Scenario) *copier {
	c := &copier{list: s.Services.List, namespaces: map[string]bool{}, addrs: map[netip.Addr]bool{}, nodePorts: map[uint16]bool{}, ports: newPortDealer(s.stream(nodePorts))}
	used := slices.Clone(s.Node.Addrs)
	kinds := [dealersPerFamily]map[netip.Addr]bool{{}, {}, {}}
	for i := range c.list {
		v := &c.list[i]
		c.namespaces[v.Namespace] = true
		v.addressesByDealer(func(kind int, a netip.Addr) { kinds[kind][a] = true })
		for j := range v.Ports {
			c.nodePorts[v.Ports[j].NodePort] = true
		}
		c.nodePorts[v.HealthCheckNodePort] = true
	}
	delete(c.nodePorts, 0) // is none
	for _, kind := range kinds {
		for a := range kind {
			c.addrs[a], used = true, append(used, a)
		}
	}
	node := s.node()
	for i, f := range backends.Families() {
		pods, _ := vacant(podCandidates(f), used, node.ServiceCIDR(f)) // none: there is no room
		outside, _ := vacant([]netip.Prefix{outsideCIDRs[f]}, nil, node.ServiceCIDR(f))
		for kind, d := range [dealersPerFamily]dealer{
			vipDealer:     {what: "ClusterIPs", path: serviceCIDRPath, cidr: node.ServiceCIDR(f)},
			outsideDealer: {what: "addresses outside", cidr: outside},
			podDealer:     {what: "pods", cidr: pods},
		} {
			d.family = f
			for a := range kinds[kind] {
				if backends.FamilyOf(a) == f {
					d.perCopy++
				}
			}
			if d.cidr.IsValid() {
				d.pool = newPool(d.cidr, s.stream(clusterIPs)+uint64(i*dealersPerFamily+kind))
				d.free = room(d.cidr)
				for a := range c.addrs {
					if d.cidr.Contains(a) {
						d.free--
					}
				}
			}
			c.dealers = append(c.dealers, &d)
		}
	}
	return c
}

// addressesByDealer tells of every address of a Service, and which dealer has such.
func (s *Service) addressesByDealer(tell func(kind int, a netip.Addr)) {
	for _, a := range s.ClusterIPs {
		tell(vipDealer, a)
	}
	for _, a := range s.ExternalIPs {
		tell(outsideDealer, a)
	}
	for _, in := range s.Ingress {
		tell(outsideDealer, in.Addr)
	}
	for i := range s.Endpoints {
		for j := range s.Endpoints[i].Endpoints {
			tell(podDealer, s.Endpoints[i].Endpoints[j].Addr)
		}
	}
}

// check finds how often the list cannot be taken, for want of what.
func (c *copier) check(ps *problems, path string, times int) {
	for _, d := range c.dealers {
		if needed := d.perCopy * (times - 1); needed > max(0, d.free) {
			where := "the ranges that the lab has for them"
			if d.path != "" {
				where = strings.TrimPrefix(d.path, "network.") + " " + d.cidr.String()
				if !d.cidr.IsValid() {
					where = fmt.Sprintf("a serviceCIDR without a range of %s", d.family)
				}
			}
			ps.add(path, "the copies' %d %s do not fit into %s, with room for %d more; want fewer copies, or a wider range", needed, d.what, where, max(0, d.free))
			if d.path != "" {
				ps.with(d.path)
			}
			return
		}
	}
	free := nodePortRoom
	for p := range c.nodePorts {
		if p >= firstNodePort && p < firstNodePort+nodePortRoom {
			free--
		}
	}
	if needed := len(c.nodePorts) * (times - 1); needed > free {
		ps.add(path, "the copies' %d node ports are more than the %d that are left of %d to %d; want fewer copies", needed, free, firstNodePort, firstNodePort+nodePortRoom-1)
	}
}

// next is an address that nobody has.
func (d *dealer) next(taken map[netip.Addr]bool) netip.Addr {
	for {
		a := d.pool.at(d.dealt)
		d.dealt++
		if !taken[a] {
			return a
		}
	}
}

// nodePort is one that no Service of the list has.
func (c *copier) nodePort() uint16 {
	for {
		if p := c.ports.next(); !c.nodePorts[p] {
			return p
		}
	}
}

// namespace is that of copy k for one of the list's, and nobody else's.
func (c *copier) namespace(old string, k int) string {
	for i := 0; ; i++ {
		suffix := fmt.Sprintf("-x%d", k)
		if i > 0 {
			suffix = fmt.Sprintf("-%d%s", i, suffix)
		}
		name := strings.TrimRight(old[:min(len(old), 63-len(suffix))], "-") + suffix
		if !c.namespaces[name] {
			c.namespaces[name] = true
			return name
		}
	}
}

// copy is copy k; copies are made in their order.
func (c *copier) copy(k int) []Service {
	namespaces := map[string]string{}
	moved := [dealersPerFamily]map[netip.Addr]netip.Addr{{}, {}, {}}
	address := func(kind int, old netip.Addr) netip.Addr {
		a, ok := moved[kind][old]
		if !ok {
			family := slices.Index(backends.Families(), backends.FamilyOf(old))
			a = c.dealers[family*dealersPerFamily+kind].next(c.addrs)
			moved[kind][old] = a
		}
		return a
	}
	list := make([]Service, len(c.list))
	for i := range list {
		v := &list[i]
		*v = c.list[i]
		name, ok := namespaces[v.Namespace]
		if !ok {
			name = c.namespace(v.Namespace, k)
			namespaces[v.Namespace] = name
		}
		v.Namespace = name
		v.ClusterIPs, v.ExternalIPs = slices.Clone(v.ClusterIPs), slices.Clone(v.ExternalIPs)
		for j := range v.ClusterIPs {
			v.ClusterIPs[j] = address(vipDealer, v.ClusterIPs[j])
		}
		for j := range v.ExternalIPs {
			v.ExternalIPs[j] = address(outsideDealer, v.ExternalIPs[j])
		}
		v.Ingress = slices.Clone(v.Ingress)
		for j := range v.Ingress {
			v.Ingress[j].Addr = address(outsideDealer, v.Ingress[j].Addr)
		}
		c.renumber(v)
		v.Endpoints = slices.Clone(v.Endpoints)
		for j := range v.Endpoints {
			set := &v.Endpoints[j]
			set.Endpoints = slices.Clone(set.Endpoints)
			for n := range set.Endpoints {
				set.Endpoints[n].Addr = address(podDealer, set.Endpoints[n].Addr)
			}
		}
	}
	return list
}

// renumber gives a Service node ports of its own. Ports of several protocols may share one.
func (c *copier) renumber(v *Service) {
	moved := map[uint16]uint16{0: 0}
	number := func(old uint16) uint16 {
		if _, ok := moved[old]; !ok {
			moved[old] = c.nodePort()
		}
		return moved[old]
	}
	v.Ports = slices.Clone(v.Ports)
	for j := range v.Ports {
		v.Ports[j].NodePort = number(v.Ports[j].NodePort)
	}
	v.HealthCheckNodePort = number(v.HealthCheckNodePort)
}

// several are the first n Services of a list with its copies behind it.
func (s *Scenario) several(n int) []Service {
	if n <= len(s.Services.List) {
		return s.Services.List[:n]
	}
	all, c := slices.Clone(s.Services.List), newCopier(s)
	var ps problems
	if c.check(&ps, "services.times", (n-1)/len(c.list)+1); len(ps) > 0 {
		panic("scenarios: " + ps[0].message)
	}
	for k := 2; len(all) < n; k++ {
		all = append(all, c.copy(k)...)
	}
	return all[:n]
}
