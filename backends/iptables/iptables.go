// Package iptables serves Services the way kube-proxy's iptables mode does,
// through either variant of iptables. The rules are those of kube-proxy
// v1.36.3 on its first full sync with --cluster-cidr, found by reading its
// source (pkg/proxy/iptables); ClusterIP over IPv4, TCP and UDP.
//
// What differs, on purpose:
//   - Services lie in KUBE-SERVICES in the state's order; kube-proxy's is random.
//   - The jumps and the canary chains come with the one restore, instead of by
//     45 runs of iptables. Those that exist are found by reading back.
//   - Chains that no Service needs are deleted in every sync; kube-proxy
//     does that at most once a sync period when there are many endpoints.
//   - Cleanup also removes KUBE-FIREWALL and the nfacct objects.
package iptables

import (
	"context"
	"errors"
	"io"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/conntrack"
)

// Backend is the dataplane of one variant.
type Backend struct {
	variant Variant
	tools   tools
	hashes  hashes // space, reused by every Sync

	// uncounted is set when the kernel has nfacct objects but no match for
	// them, which only a failed restore tells.
	uncounted bool
}

var _ backends.Backend = (*Backend)(nil)

// New makes the Backend of a variant. It touches nothing.
func New(v Variant) *Backend { return &Backend{variant: v} }

// ready finds the tools, once.
func (b *Backend) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.tools.restore != "" {
		return nil
	}
	t, err := findTools(ctx, b.variant)
	if err != nil {
		return err
	}
	b.tools = t
	return nil
}

// Sync implements backends.Backend. Its cost is that of iptables-restore on
// the rules' text, and of reading back what is there already.
func (b *Backend) Sync(ctx context.Context, state *backends.State) error {
	if err := check(state); err != nil {
		return err
	}
	if err := b.ready(ctx); err != nil {
		return err
	}
	if err := ensureRouteLocalnet(); err != nil {
		return err
	}
	found, err := b.tools.read(ctx)
	if err != nil {
		return err
	}
	features := Features{NFAcct: !b.uncounted && ensureCounters(), TCPLiberal: isTCPLiberal()}
	r := newRuleset(state, features, found, b.hashes)
	b.hashes = r.hashes
	err = b.restore(ctx, r.write)
	if refused := (*RestoreError)(nil); r.features.NFAcct && errors.As(err, &refused) {
		r.features.NFAcct = false
		if err = b.restore(ctx, r.write); err == nil {
			b.uncounted = true
		}
	}
	if err != nil {
		return err
	}
	return conntrack.DropStale(state)
}

// Cleanup implements backends.Backend. The built-in chains, which the first
// use of a table makes, stay, as does route_localnet.
func (b *Backend) Cleanup(ctx context.Context) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	found, err := b.tools.read(ctx)
	if err != nil {
		return err
	}
	if !found.empty() {
		if err := b.restore(ctx, found.writeRemoval); err != nil {
			return err
		}
	}
	return removeCounters()
}

// Objects counts, in the kernel, the rules and the chains that are the backend's.
func (b *Backend) Objects(ctx context.Context) (map[string]int, error) {
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	found, err := b.tools.read(ctx)
	if err != nil {
		return nil, err
	}
	n := map[string]int{"rules": 0, "chains": 0}
	for _, t := range found {
		n["rules"] += t.rules
		n["chains"] += len(t.chains)
	}
	return n, nil
}

func (b *Backend) restore(ctx context.Context, write func(io.Writer) error) error {
	return restore(ctx, b.tools.restoreCommand(ctx), write)
}
