// Package iptables serves Services the way kube-proxy's iptables mode does,
// through either variant of iptables. The rules are those of kube-proxy
// v1.36.3 with --cluster-cidr and its other defaults, found by reading its
// source (pkg/proxy/iptables).
//
// The families are those of backends.Node.Programs; Services of another family
// are passed over, and its leftovers go.
//
// What differs, on purpose:
//   - Services lie in KUBE-SERVICES in the state's order; kube-proxy's is random.
//   - The jumps and the canary chains come with the one restore, instead of by
//     45 runs of iptables. Those that exist are found by reading back.
//   - Chains that no Service needs are deleted in every Sync. In Apply it is as
//     in kube-proxy: at once, unless the family has more than 1,000 endpoints.
//     Then kube-proxy waits until a sync that comes a sync period (30 s) after
//     it last did; here Settle does it, so that no clock decides what Apply costs.
//   - When a family passes 1,000 endpoints in an Apply, in either direction,
//     all its chains are written, for their comments change; kube-proxy would
//     leave those of each Service as they are until it changes.
//   - Cleanup also removes KUBE-FIREWALL and the nfacct objects.
package iptables

import (
	"context"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/conntrack"
)

// Backend is the dataplane of one variant.
type Backend struct {
	variant  Variant
	proxiers [2]proxier      // in the order of backends.Families
	state    *backends.State // what the kernel equals, nil when that is unknown
}

var (
	_ backends.Backend  = (*Backend)(nil)
	_ backends.Applier  = (*Backend)(nil)
	_ backends.Settler  = (*Backend)(nil)
	_ backends.Renderer = (*Backend)(nil)
)

// New makes the Backend of a variant. It touches nothing.
func New(v Variant) *Backend {
	b := &Backend{variant: v}
	for i, f := range backends.Families() {
		b.proxiers[i] = proxier{variant: v, family: f}
	}
	return b
}

// Sync implements backends.Backend. Its cost is that of iptables-restore on
// the rules' text, and of reading back what is there already.
func (b *Backend) Sync(ctx context.Context, state *backends.State) error {
	if err := state.Check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.state = nil
	for i := range b.proxiers {
		x := &b.proxiers[i]
		does := x.remove
		if state.Node.Programs(x.family) {
			does = func(ctx context.Context) error { return x.sync(ctx, state) }
		}
		if err := does(ctx); err != nil {
			return err
		}
	}
	if err := conntrack.DropStale(state); err != nil {
		return err
	}
	b.state = state
	return nil
}

// Cleanup implements backends.Backend. The built-in chains, which the first
// use of a table makes, stay, as does route_localnet.
func (b *Backend) Cleanup(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.state = nil
	for i := range b.proxiers {
		if err := b.proxiers[i].remove(ctx); err != nil {
			return err
		}
	}
	return removeCounters()
}

// Objects counts, in the kernel, the rules and the chains that are the
// backend's, of both families.
func (b *Backend) Objects(ctx context.Context) (map[string]int, error) {
	n := map[string]int{"rules": 0, "chains": 0}
	for i := range b.proxiers {
		found, err := b.proxiers[i].look(ctx)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			n["rules"] += t.rules
			n["chains"] += len(t.chains)
		}
	}
	return n, nil
}
