package ipvs

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// view is what a ServicePort's objects depend on beside itself, for one family.
type view struct {
	node        *backends.Node
	nodeIP      netip.Addr   // the InternalIP
	clusterCIDR netip.Prefix // not valid: kube-proxy without a local detector
	// own are the node's addresses: those of every device but kube-ipvs0, and
	// neither of the loopback network nor link-local in IPv6
	// (GetAllLocalAddressesExcept in kube-proxy's netlink_linux.go).
	own []ip
}

func newView(f *family, n *backends.Node, own []ip) view {
	node := *n // the State may go, its Node is looked at in every Apply
	return view{node: &node, nodeIP: n.ProxyAddr(f.name), clusterCIDR: n.ClusterCIDR(f.name), own: own}
}

// isOwn says whether an address is on another device of the node, so that
// kube-ipvs0 must not have it.
func (v *view) isOwn(a ip) bool { return slices.Contains(v.own, a) }

// element is an entry and its set.
type element struct {
	set setID
	entry
}

// needs are the kernel objects of one ServicePort.
type needs struct {
	owner    backends.Key
	servers  []server // no two with one VIP
	elements []element
	closed   []vip

	dests []dest // what the servers' lists are pieces of
}

// derive works out the objects of a ServicePort, as syncProxyRules does.
func (v *view) derive(p *backends.ServicePort, n *needs) {
	n.owner = p.Key()
	n.servers, n.elements, n.closed = n.servers[:0], n.elements[:0], n.closed[:0]
	proto := protocolNumber(p.Protocol)
	for i := range p.Endpoints {
		// Whatever its conditions, a local endpoint may call itself.
		if e := &p.Endpoints[i]; e.Local {
			a := ipOf(e.Addr.Addr())
			n.element(setLoopBack, entry{ip: a, port: e.Addr.Port(), proto: proto, ip2: a})
		}
	}
	r := p.Reachable(v.node)
	cluster := n.realServers(r.Cluster)
	local := cluster // without local endpoints, Local falls back to all of them
	if len(r.Local) > 0 {
		local = n.realServers(r.Local)
	}
	internal, external := cluster, cluster
	if p.InternalLocal {
		internal = local
	}
	if p.ExternalLocal {
		external = local
	}

	at := vip{ip: ipOf(p.ClusterIP), port: p.Port, proto: proto}
	n.element(setClusterIP, at.entry())
	n.bind(at.ip)
	n.server(at, p.AffinitySeconds, internal)

	for _, a := range p.ExternalIPs {
		at := vip{ip: ipOf(a), port: p.Port, proto: proto}
		if p.ExternalLocal {
			n.element(setExternalIPLocal, at.entry())
		} else {
			n.element(setExternalIP, at.entry())
		}
		if !v.isOwn(at.ip) {
			n.bind(at.ip)
		}
		n.server(at, p.AffinitySeconds, external)
	}
	for _, a := range p.LoadBalancerIPs {
		at := vip{ip: ipOf(a), port: p.Port, proto: proto}
		n.element(setLoadBalancer, at.entry())
		if p.ExternalLocal {
			n.element(setLoadBalancerLocal, at.entry())
		}
		if len(p.SourceRanges) > 0 {
			v.restrict(p, at, n)
		}
		if !v.isOwn(at.ip) {
			n.bind(at.ip)
		}
		n.server(at, p.AffinitySeconds, external)
	}
	if p.NodePort != 0 {
		if len(v.own) == 0 {
			return // kube-proxy forgets the health check's port as well
		}
		v.nodePort(p, proto, external, n)
	}
	if p.HealthCheckNodePort != 0 {
		n.element(setHealthCheckPort, entry{port: p.HealthCheckNodePort})
	}
}

// restrict lets only the source ranges reach a load-balancer VIP. The node
// reaches it from the VIP itself, which is bound to kube-ipvs0: when a range
// has the node's address that source is let in, or else a rule keeps it out.
func (v *view) restrict(p *backends.ServicePort, at vip, n *needs) {
	n.element(setLoadBalancerFW, at.entry())
	fromNode := false
	for _, r := range p.SourceRanges {
		e := at.entry()
		e.ip2, e.bits = ipOf(r.Addr()), uint8(r.Bits())
		n.element(setLoadBalancerSourceCIDR, e)
		fromNode = fromNode || r.Contains(v.nodeIP)
	}
	if !fromNode {
		n.closed = append(n.closed, at)
		return
	}
	e := at.entry()
	e.ip2 = at.ip
	n.element(setLoadBalancerSourceIP, e)
}

// nodePortSets are the sets of a protocol's node ports: of all, and of those of
// the external traffic policy Local.
var nodePortSets = map[uint8][2]setID{
	unix.IPPROTO_TCP:  {setNodePortTCP, setNodePortLocalTCP},
	unix.IPPROTO_UDP:  {setNodePortUDP, setNodePortLocalUDP},
	unix.IPPROTO_SCTP: {setNodePortSCTP, setNodePortLocalSCTP},
}

func (v *view) nodePort(p *backends.ServicePort, proto uint8, to realServers, n *needs) {
	for i, set := range nodePortSets[proto] {
		switch {
		case i == 1 && !p.ExternalLocal:
		case proto != unix.IPPROTO_SCTP:
			n.element(set, entry{port: p.NodePort})
		default: // a bitmap of ports knows TCP and UDP only
			for _, a := range v.own {
				n.element(set, entry{ip: a, port: p.NodePort, proto: proto})
			}
		}
	}
	for _, a := range v.own {
		n.server(vip{ip: a, port: p.NodePort, proto: proto}, p.AffinitySeconds, to)
	}
}

func (n *needs) element(set setID, e entry) { n.elements = append(n.elements, element{set, e}) }

// bind puts an address onto kube-ipvs0: the device has those of the set.
func (n *needs) bind(a ip) { n.element(setIPVSAddrs, entry{ip: a}) }

// server adds a virtual server. Of two with one VIP the later one stays.
func (n *needs) server(at vip, affinity uint32, to realServers) {
	s := server{at, affinity, to, n.owner}
	if i := slices.IndexFunc(n.servers, func(s server) bool { return s.vip == at }); i >= 0 {
		n.servers[i] = s
		return
	}
	n.servers = append(n.servers, s)
}

func (n *needs) realServers(endpoints []backends.Endpoint) realServers {
	first := len(n.dests)
	var weights map[dest]uint32
	for i := range endpoints {
		at := endpoints[i].Addr
		d := dest{ipOf(at.Addr()), at.Port()}
		n.dests = append(n.dests, d)
		if w := endpoints[i].Weight; w > 1 {
			if weights == nil {
				weights = map[dest]uint32{}
			}
			weights[d] = uint32(w)
		}
	}
	return realServers{n.dests[first:len(n.dests):len(n.dests)], weights}
}

func (v vip) entry() entry { return entry{ip: v.ip, port: v.port, proto: v.proto} }

func protocolNumber(p backends.Protocol) uint8 {
	switch p {
	case backends.UDP:
		return unix.IPPROTO_UDP
	case backends.SCTP:
		return unix.IPPROTO_SCTP
	}
	return unix.IPPROTO_TCP
}
