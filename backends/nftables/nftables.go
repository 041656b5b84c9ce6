// Package nftables serves Services the way kube-proxy's nftables mode does. The
// table is that of kube-proxy v1.36.3 with --cluster-cidr, or in the older
// layout that of v1.35.4, found by reading its source (pkg/proxy/nftables).
//
// What differs, on purpose:
//   - IPv6 is programmed when the node has an address of it (see
//     backends.Node.Programs). kube-proxy does it wherever the kernel has IPv6.
//   - Elements of one map or set come together, after the chains, and a chain
//     that is not there yet is not flushed.
//   - A partial sync does not list what there is. kube-proxy's lists all objects
//     of the table first (ListAll in syncProxyRules), then walks all Services
//     and skips those that did not change.
//   - When two ServicePorts want one address and port, kube-proxy takes a random
//     one; see claims.
//   - An affinity set whose timeout changes is made anew, and forgets its
//     clients. kube-proxy leaves it to the kernel, which before 6.2 keeps the
//     old timeout.
//   - A table that holds something else than this layout's objects is replaced
//     as a whole. kube-proxy lets such objects lie.
package nftables

import (
	"context"
	"errors"
	"slices"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/conntrack"
)

// Backend is the dataplane in one layout.
type Backend struct {
	layout Layout
	tool   tool
	// tables are what is known of the tables since the last Sync, IPv4 and IPv6;
	// nil for one that is not there.
	tables [2]*table
	synced bool
}

var (
	_ backends.Backend  = (*Backend)(nil)
	_ backends.Applier  = (*Backend)(nil)
	_ backends.Settler  = (*Backend)(nil)
	_ backends.Renderer = (*Backend)(nil)
)

// New makes the Backend of a layout. It touches nothing.
func New(l Layout) *Backend { return &Backend{layout: l} }

// ready finds the tool, once.
func (b *Backend) ready(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.tool == "" {
		b.tool, err = findTool()
	}
	return err
}

// Sync implements backends.Backend. Over an empty kernel its cost is that of
// nft on the commands' text. That grows with the square of the Services: to name
// and to bind a rule's own map nf_tables walks all sets of the table and the
// transaction (nf_tables_set_alloc_name, nft_set_lookup_global,
// __nft_set_trans_bind), four fifths of a profile of 5,000 Services on 6.18.
func (b *Backend) Sync(ctx context.Context, state *backends.State) error {
	if err := state.Check(); err != nil {
		return err
	}
	if err := b.ready(ctx); err != nil {
		return err
	}
	last := b.tables
	b.tables, b.synced = [2]*table{}, false
	for i, f := range backends.Families() {
		t, err := b.tool.syncFamily(ctx, newFamily(f, &state.Node, b.layout), state, last[i])
		if err != nil {
			return err
		}
		b.tables[i] = t
	}
	b.synced = true
	return conntrack.DropStale(state)
}

// Apply implements backends.Applier. Its own cost is that of the change, but not
// nft's: before a command that adds a rule or an element nft 1.0.6 dumps all
// chains and sets.
func (b *Backend) Apply(ctx context.Context, delta *backends.Delta) error {
	switch {
	case !b.synced:
		return errors.New("nftables: Apply needs a Sync before it")
	case !delta.SameNode():
		return errors.New("nftables: the node has changed, which needs a Sync")
	}
	var changes [2][]backends.Change
	changed := backends.State{Node: delta.To.Node}
	udp := false
	for _, c := range delta.Changes {
		p := c.New
		if p == nil {
			p = c.Old
		}
		changed.Services = append(changed.Services, *p)
		i := slices.Index(backends.Families(), p.Family())
		changes[i] = append(changes[i], c)
		udp = udp || p.Protocol == backends.UDP
	}
	if err := changed.Check(); err != nil {
		return err
	}
	if err := b.ready(ctx); err != nil {
		return err
	}
	b.synced = false
	for i, t := range b.tables {
		if t == nil {
			continue
		}
		if err := t.apply(ctx, b.tool, changes[i]); err != nil {
			b.tables = [2]*table{}
			return err
		}
	}
	b.synced = true
	if udp {
		return conntrack.DropStaleAfter(delta)
	}
	return nil
}

// Settle implements backends.Settler: it deletes chains that nothing has led to
// for a second.
func (b *Backend) Settle(ctx context.Context) (waiting int, err error) {
	if err := b.ready(ctx); err != nil {
		return 0, err
	}
	var errs []error
	for _, t := range b.tables {
		if t != nil {
			errs = append(errs, t.stale.deleteDue(ctx, b.tool, t.family))
			waiting += len(t.stale)
		}
	}
	return waiting, errors.Join(errs...)
}

// Cleanup implements backends.Backend.
func (b *Backend) Cleanup(ctx context.Context) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	b.tables, b.synced = [2]*table{}, false
	for _, f := range backends.Families() {
		if err := b.tool.deleteTable(ctx, newFamily(f, nil, b.layout)); err != nil {
			return err
		}
	}
	return nil
}

// Objects counts, in the kernel, the rules, the chains but for those that
// wait to be deleted, and the elements of the maps and sets that the state
// fills: not of those inside rules, nor the clients in affinity sets.
func (b *Backend) Objects(ctx context.Context) (map[string]int, error) {
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	n := map[string]int{"rules": 0, "chains": 0, "map-elements": 0, "set-elements": 0}
	for _, of := range backends.Families() {
		f := newFamily(of, nil, b.layout)
		is, err := b.tool.find(ctx, f)
		if err != nil {
			return nil, err
		}
		if is == nil {
			continue
		}
		for chain, rules := range is.chains {
			n["rules"] += rules
			if rules > 0 || !isServiceChain(chain) {
				n["chains"]++
			}
		}
		elements, err := f.elements(ctx, is)
		if err != nil {
			return nil, err
		}
		for e := range elements {
			n[e.kind()+"-elements"]++
		}
	}
	return n, nil
}
