package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// vip is the key of a virtual server.
type vip struct {
	ip
	proto uint8 // unix.IPPROTO_TCP, …UDP or …SCTP
	port  uint16
}

func (v vip) String() string { return protocolName(v.proto) + " " + v.addrPort() }

func (v vip) addrPort() string { return netip.AddrPortFrom(v.addr(), v.port).String() }

// protocolName is how ipset and ipvsadm call a protocol.
func protocolName(proto uint8) string {
	switch proto {
	case unix.IPPROTO_TCP:
		return "tcp"
	case unix.IPPROTO_UDP:
		return "udp"
	case unix.IPPROTO_SCTP:
		return "sctp"
	}
	return fmt.Sprintf("protocol %d", proto)
}

// dest is the key of a real server within its virtual server.
type dest struct {
	ip
	port uint16
}

func (d dest) String() string { return netip.AddrPortFrom(d.addr(), d.port).String() }

// server is a virtual server that should exist, with its real servers.
type server struct {
	vip
	affinity uint32 // seconds, 0 without
	realServers
	owner backends.Key
}

// closed are the load-balancer VIPs of a ServicePort that the node itself must
// not reach.
type closed struct {
	owner backends.Key
	vips  []vip
}

// plan is the kernel objects of one family of a State, each counted by how often
// its ServicePorts need it. It keeps nothing of the State but the node and names.
type plan struct {
	*family
	view    view
	servers map[vip]*server
	// hidden are servers whose VIP is another one's: see put.
	hidden map[vip][]*server
	counts [setCount]map[entry]int32
	closed []closed // by owner

	// In the order of the state, for who makes them all; Apply lets them be.
	orderedServers []*server
	orderedEntries [setCount][]entry
}

// newPlan works out the objects of a family of a state.
func newPlan(f *family, state *backends.State, node []ip) (*plan, error) {
	p := &plan{family: f, view: newView(f, &state.Node, node)}
	n, endpoints := 0, 0
	for i := range state.Services {
		if s := &state.Services[i]; s.Family() == f.name {
			n++
			endpoints += len(s.Endpoints)
		}
	}
	p.servers = make(map[vip]*server, n)
	p.orderedServers = make([]*server, 0, n)
	for _, id := range []setID{setClusterIP, setIPVSAddrs} {
		p.counts[id] = make(map[entry]int32, n)
		p.orderedEntries[id] = make([]entry, 0, n)
	}
	needs := needs{dests: make([]dest, 0, endpoints)}
	for i := range state.Services {
		if s := &state.Services[i]; s.Family() == f.name {
			p.view.derive(s, &needs)
			p.add(&needs, nil)
		}
	}
	return p, p.fits()
}

// forgetOrder frees what only a full Sync reads.
func (p *plan) forgetOrder() {
	p.orderedServers = nil
	p.orderedEntries = [setCount][]entry{}
}

// fits refuses what the kernel could not hold.
func (p *plan) fits() error {
	for id, s := range kubeSets {
		if n := len(p.counts[id]); n > maxElements && s.typ != bitmapPort {
			return fmt.Errorf("set %s needs %d entries and holds %d, as kube-proxy creates it: use fewer Services", p.sets[id], n, maxElements)
		}
	}
	return nil
}

// add counts what one ServicePort needs. changes, when it is not nil, hears of
// what was before.
func (p *plan) add(n *needs, changes *changes) {
	for i := range n.servers {
		p.put(&n.servers[i], changes)
	}
	for _, e := range n.elements {
		counts := p.counts[e.set]
		if counts == nil {
			counts = make(map[entry]int32)
			p.counts[e.set] = counts
		}
		was := counts[e.entry]
		counts[e.entry] = was + 1
		if changes != nil {
			changes.entry(e, was > 0)
		} else if was == 0 {
			p.orderedEntries[e.set] = append(p.orderedEntries[e.set], e.entry)
		}
	}
	if len(n.closed) > 0 {
		at, _ := slices.BinarySearchFunc(p.closed, n.owner, closed.compare)
		p.closed = slices.Insert(p.closed, at, closed{n.owner, slices.Clone(n.closed)})
	}
}

// put adds a server. A VIP that several ServicePorts have is a mistake of those
// who wrote them, which the API accepts of external addresses; kube-proxy
// programs each in turn, in random order, and the last one stays. Here it is
// the one with the greatest Key.
func (p *plan) put(s *server, changes *changes) {
	was := p.servers[s.vip]
	if changes != nil {
		changes.server(s.vip, was)
	}
	added := new(server)
	*added = *s
	if was == nil {
		p.servers[s.vip] = added
		if changes == nil {
			p.orderedServers = append(p.orderedServers, added)
		}
		return
	}
	if p.hidden == nil {
		p.hidden = make(map[vip][]*server)
	}
	if compareKeys(was.owner, s.owner) < 0 {
		if changes == nil {
			p.orderedServers[slices.Index(p.orderedServers, was)] = added
		}
		p.servers[s.vip], added = added, was
	}
	p.hidden[s.vip] = append(p.hidden[s.vip], added)
}

// take is add undone. It refuses what was never added.
func (p *plan) take(n *needs, changes *changes) error {
	for i := range n.servers {
		if err := p.drop(&n.servers[i], changes); err != nil {
			return err
		}
	}
	for _, e := range n.elements {
		was := p.counts[e.set][e.entry]
		switch was {
		case 0:
			return fmt.Errorf("set %s never had the entry %s: the delta does not lead from the last state", p.sets[e.set], e.text(kubeSets[e.set].typ))
		case 1:
			delete(p.counts[e.set], e.entry)
		default:
			p.counts[e.set][e.entry] = was - 1
		}
		changes.entry(e, true)
	}
	if at, ok := slices.BinarySearchFunc(p.closed, n.owner, closed.compare); ok {
		p.closed = slices.Delete(p.closed, at, at+1)
	}
	return nil
}

func (p *plan) drop(s *server, changes *changes) error {
	was, hidden := p.servers[s.vip], p.hidden[s.vip]
	if was == nil {
		return fmt.Errorf("there was no virtual server %v: the delta does not lead from the last state", s.vip)
	}
	changes.server(s.vip, was)
	if was.owner != s.owner {
		p.hidden[s.vip] = slices.DeleteFunc(hidden, func(h *server) bool { return h.owner == s.owner })
		return nil
	}
	if len(hidden) == 0 {
		delete(p.servers, s.vip)
		return nil
	}
	greatest := slices.MaxFunc(hidden, func(a, b *server) int { return compareKeys(a.owner, b.owner) })
	p.servers[s.vip] = greatest
	p.hidden[s.vip] = slices.DeleteFunc(hidden, func(h *server) bool { return h == greatest })
	return nil
}

func (c closed) compare(k backends.Key) int { return compareKeys(c.owner, k) }

// compareKeys orders as ServicePort.Compare does, within a family.
func compareKeys(a, b backends.Key) int {
	return cmp.Or(
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.PortName, b.PortName),
		cmp.Compare(a.Protocol, b.Protocol),
	)
}

// rules is what the family's rules depend on.
func (p *plan) rules() ruleset {
	r := ruleset{family: p.family, clusterCIDR: p.view.clusterCIDR}
	for id := range r.filled {
		r.filled[id] = len(p.counts[id]) > 0
	}
	for _, c := range p.closed {
		r.closed = append(r.closed, c.vips...)
	}
	return r
}
