package iptables

import (
	"io"
	"slices"
	"strconv"

	"github.com/svcmark/svcmark/backends"
)

// largeCluster is the number of endpoints above which kube-proxy leaves the
// comments of rules that exist once an endpoint away.
const largeCluster = 1000

// Features are what kube-proxy asks the kernel before it writes its rules.
type Features struct {
	NFAcct     bool // nfacct objects exist: dropped INVALID packets are counted
	TCPLiberal bool // nf_conntrack_tcp_be_liberal is set: INVALID packets are not dropped
}

// Render writes what a sync of state in an empty network namespace feeds
// iptables-restore for one table. The text depends on its arguments alone.
func Render(w io.Writer, table Table, state *backends.State, features Features) error {
	if err := check(state); err != nil {
		return err
	}
	r := newRuleset(state, features, nil, nil)
	t := newText(w)
	r.table(t, table)
	return t.flush()
}

// ruleset is a state on its way into text.
type ruleset struct {
	state    *backends.State
	features Features
	found    found // what the kernel holds already
	hashes   hashes
	stale    []string // chains of the nat table that no Service needs any more

	large   bool     // over largeCluster
	notPod  string   // matches a packet that comes from no pod, "" when that is unknown
	chances []string // chances[n] is the probability 1/n
	name    []byte   // of the current ServicePort, reused
	match   []byte   // a packet to the current VIP, reused
}

// newRuleset prepares a state that check has accepted. space is reused.
func newRuleset(state *backends.State, features Features, found found, space hashes) *ruleset {
	r := &ruleset{state: state, features: features, found: found}
	endpoints, names, most := 0, 0, 0
	for i := range state.Services {
		n := len(state.Services[i].Endpoints)
		endpoints, most = endpoints+n, max(most, n)
		if n > 0 {
			names += 1 + n
		}
	}
	r.hashes = appendHashes(slices.Grow(space[:0], names*hashSize), state)
	r.large = endpoints > largeCluster
	if c := state.Node.ClusterCIDR(backends.IPv4); c.IsValid() {
		r.notPod = " ! -s " + c.String()
	}
	r.chances = make([]string, most+1)
	for n := 2; n <= most; n++ {
		r.chances[n] = probability(n)
	}
	r.stale = r.staleChains()
	return r
}

// write writes all tables.
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
	t.str("*").str(string(table)).end()
	for _, chain := range table.chains() {
		declare(t, chain)
	}
	if table == NAT {
		r.serviceChains(t)
	}
	for _, jump := range table.jumps() {
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
	t.str("COMMIT").end()
}

func declare(t *text, chain string) { t.str(":").str(chain).str(" - [0:0]").end() }

func (r *ruleset) filter(t *text) {
	t.str(martians)
	for i := range r.state.Services {
		if p := &r.state.Services[i]; len(p.Endpoints) == 0 {
			r.enter(p)
			r.reject(t)
		}
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
	names := r.hashes
	for i := range r.state.Services {
		p := &r.state.Services[i]
		if len(p.Endpoints) == 0 {
			continue
		}
		r.enter(p)
		service, endpoints := names.next(), names
		names = names[hashSize*len(p.Endpoints):]
		r.dispatch(t, service)
		r.masquerade(t, service)
		r.balance(t, p, service, endpoints)
		r.rewrite(t, p, endpoints)
	}
	for _, chain := range r.stale {
		t.str("-X ").str(chain).end()
	}
	t.str(natTail)
}

// serviceChains declares the chains of every ServicePort, and those that are
// about to be deleted: a chain must be empty for that.
func (r *ruleset) serviceChains(t *text) {
	names := r.hashes
	for i := range r.state.Services {
		n := len(r.state.Services[i].Endpoints)
		if n == 0 {
			continue
		}
		t.str(":" + servicePrefix).raw(names.next()).str(" - [0:0]").end()
		for range n {
			t.str(":" + endpointPrefix).raw(names.next()).str(" - [0:0]").end()
		}
	}
	for _, chain := range r.stale {
		declare(t, chain)
	}
}

// staleChains are the Services' chains in the kernel that the state has not.
func (r *ruleset) staleChains() []string {
	existing := r.found[NAT].chains
	if len(existing) == 0 {
		return nil
	}
	needed := make(map[string]bool, len(r.hashes)/hashSize)
	names := r.hashes
	for i := range r.state.Services {
		n := len(r.state.Services[i].Endpoints)
		if n == 0 {
			continue
		}
		needed[servicePrefix+string(names.next())] = true
		for range n {
			needed[endpointPrefix+string(names.next())] = true
		}
	}
	var stale []string
	for _, chain := range existing {
		if isServiceChain(chain) && !needed[chain] {
			stale = append(stale, chain)
		}
	}
	return stale
}

// enter makes p the current ServicePort.
func (r *ruleset) enter(p *backends.ServicePort) {
	proto := lower(p.Protocol)
	r.name = appendName(r.name[:0], p)
	b := append(r.match[:0], " -m "...)
	b = append(b, proto...)
	b = append(b, " -p "...)
	b = append(b, proto...)
	b = append(b, " -d "...)
	b = p.ClusterIP.AppendTo(b)
	b = append(b, " --dport "...)
	r.match = strconv.AppendUint(b, uint64(p.Port), 10)
}
