package iptables

import (
	"io"
	"slices"
	"strconv"

	"github.com/svcmark/svcmark/backends"
)

// largeCluster is the number of endpoints of a family, ready or not, above
// which kube-proxy leaves the comments of rules that exist once an endpoint
// away, and does not delete stale chains in every sync.
const largeCluster = 1000

// Features are what kube-proxy asks the kernel before it writes its rules.
type Features struct {
	NFAcct     bool // nfacct objects exist: some packets are counted
	TCPLiberal bool // nf_conntrack_tcp_be_liberal is set: INVALID packets are not dropped
}

// ruleset is one family of a state on its way into text.
type ruleset struct {
	family   backends.Family
	node     *backends.Node
	features Features
	partial  bool     // what a full sync alone makes is there
	found    found    // what the kernel holds already
	stale    []string // chains of the nat table that no Service needs any more

	space
	large bool
	pods  string // matches a packet from a pod, "" when that is unknown
	port  *port  // the current one
	name  []byte // of it
	dport []byte // matches its port
	vip   []byte // matches its protocol, ClusterIP and port
	start []byte // what several rules in a row have in common
}

// space is what rulesets leave to the next one, so that it needs no memory.
type space struct {
	ports   []port
	names   names
	key     []byte
	chances []string // chances[n] is the probability 1/n
}

// newRuleset prepares the family f of a state that was checked. changed says
// whose chains a partial sync writes; with nil it is a full one. all prepares
// the names of every chain, and not just of those that are written.
func newRuleset(f backends.Family, state *backends.State, s space, changed func(*backends.ServicePort) bool, all bool) *ruleset {
	r := &ruleset{family: f, node: &state.Node, partial: changed != nil, space: s}
	r.ports, r.names = r.ports[:0], r.names[:0]
	ports, endpoints := size(f, state)
	r.large = endpoints > largeCluster
	r.ports = slices.Grow(r.ports, ports)
	if changed == nil || all {
		r.names = slices.Grow(r.names, ports*hashSize+endpoints*(hashSize+1+most(f)))
	}
	for i := range state.Services {
		p := &state.Services[i]
		if p.Family() != f {
			continue
		}
		r.ports = append(r.ports, port{ServicePort: p, to: p.Reachable(r.node), written: changed == nil || changed(p)})
		now := &r.ports[len(r.ports)-1]
		if !now.to.Any {
			continue
		}
		named := now.to.All
		if !now.written && !all {
			named = nil
		}
		start := len(r.names)
		r.names, r.key = appendNames(r.names, r.key, p, named)
		now.names = r.names[start:]
	}
	if c := r.node.ClusterCIDR(f); c.IsValid() {
		r.pods = " -s " + c.Masked().String()
	}
	return r
}

// size is how many ServicePorts and endpoints of a family there are.
func size(f backends.Family, state *backends.State) (ports, endpoints int) {
	for i := range state.Services {
		if p := &state.Services[i]; p.Family() == f {
			ports, endpoints = ports+1, endpoints+len(p.Endpoints)
		}
	}
	return ports, endpoints
}

// needs are the names of all chains of Services. newRuleset must have prepared
// them.
func (r *ruleset) needs() map[string]bool {
	needed := map[string]bool{}
	for i := range r.ports {
		for prefix, hash := range r.ports[i].chains() {
			needed[prefix+string(hash[:])] = true
		}
	}
	return needed
}

// over says what the kernel holds of ours already.
func (r *ruleset) over(f found) {
	r.found, r.stale = f, nil
	if len(f[NAT].chains) == 0 {
		return
	}
	needed := r.needs()
	for _, chain := range f[NAT].chains {
		if isServiceChain(chain) && !needed[chain] {
			r.stale = append(r.stale, chain)
		}
	}
}

// write writes all tables that the sync changes.
func (r *ruleset) write(w io.Writer) error {
	t := newText(w)
	for _, table := range Tables() {
		r.table(t, table)
	}
	return t.flush()
}

// table writes one table: its chains, which empties those that exist, the
// jumps that the kernel lacks, and the rules.
func (r *ruleset) table(t *text, table Table) {
	chains, jumps := table.chains(), table.jumps()
	if r.partial {
		chains, jumps = table.rewritten(r.family), nil
		if len(chains) == 0 {
			return
		}
	}
	t.str("*").str(string(table)).end()
	for _, chain := range chains {
		declare(t, chain)
	}
	if table == NAT {
		r.declareServices(t)
	}
	for _, jump := range jumps {
		if r.found[table].jumps[jump] == 0 {
			t.str("-I ").str(jump).end()
		}
	}
	switch table {
	case Filter:
		r.filter(t)
	case NAT:
		r.nat(t)
	}
	t.str("COMMIT\n")
}

func declare(t *text, chain string) { t.str(":").str(chain).str(empty) }

// empty ends the line that makes a chain, or empties it.
const empty = " - [0:0]\n"

// declareServices declares the chains of the ServicePorts, and those that are
// about to be deleted: a chain must be empty for that.
func (r *ruleset) declareServices(t *text) {
	for i := range r.ports {
		if p := &r.ports[i]; p.written {
			for prefix, hash := range p.chains() {
				t.str(":").str(prefix).hash(hash).str(empty)
			}
			t.spill()
		}
	}
	for _, chain := range r.stale {
		declare(t, chain)
	}
}

// writeStale writes the removal of the stale chains alone.
func (r *ruleset) writeStale(w io.Writer) error {
	t := newText(w)
	t.str("*").str(string(NAT)).end()
	for _, chain := range r.stale {
		declare(t, chain)
	}
	r.deleteStale(t)
	t.str("COMMIT\n")
	return t.flush()
}

func (r *ruleset) deleteStale(t *text) {
	for _, chain := range r.stale {
		t.str("-X ").str(chain).end()
		t.spill()
	}
}

func (r *ruleset) filter(t *text) {
	if r.family == backends.IPv4 {
		t.str(martians)
	}
	for i := range r.ports {
		p := &r.ports[i]
		if p.internal() && p.external() && !p.firewalled() && p.HealthCheckNodePort == 0 {
			continue // the ordinary one has no rule here
		}
		r.enter(p)
		r.refuse(t)
		r.guard(t)
		r.healthCheck(t)
		t.spill()
	}
	switch {
	case r.features.TCPLiberal:
	case r.features.NFAcct:
		t.str(dropInvalidCounted)
	default:
		t.str(dropInvalid)
	}
	t.str(forward)
}

func (r *ruleset) nat(t *text) {
	t.str(natRules)
	for i := range r.ports {
		p := &r.ports[i]
		if !p.to.Any {
			continue
		}
		r.enter(p)
		names := p.names
		hash := names.next()
		r.dispatch(t, hash)
		t.spill()
		if !p.written {
			continue
		}
		r.masquerade(t, hash)
		if p.outward() {
			r.fromOutside(t, hash)
		}
		if p.firewalled() {
			r.firewall(t, hash)
		}
		r.balance(t, servicePrefix, hash, p.to.Cluster)
		r.balance(t, localPrefix, hash, p.to.Local)
		r.rewrite(t)
	}
	r.deleteStale(t)
	t.str(natTail)
	if r.family == backends.IPv6 {
		t.str(notLoopback6)
	}
	t.str(toNodes)
}

// enter makes p the current ServicePort.
func (r *ruleset) enter(p *port) {
	r.port = p
	r.name = appendName(r.name[:0], p.ServicePort)
	r.dport = strconv.AppendUint(append(r.dport[:0], " --dport "...), uint64(p.Port), 10)
	r.vip = append(append(r.vip[:0], matches(p.Protocol)...), " -d "...)
	r.vip = p.ClusterIP.AppendTo(r.vip)
	r.vip = append(r.vip, r.dport...)
}
