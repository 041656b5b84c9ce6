package iptables

import (
	"context"
	"errors"

	"github.com/svcmark/svcmark/backends"
)

// proxier is the half of a Backend that looks after one family, as kube-proxy
// has a proxier a family.
type proxier struct {
	variant Variant
	family  backends.Family
	tools   tools
	space   space

	features Features // of the last full sync
	large    bool     // the last sync found a large cluster
	putOff   bool     // there may be stale chains
	// uncounted is set when the kernel has nfacct objects but no match for
	// them, which only a failed restore tells.
	uncounted bool
}

// ready finds the tools, once.
func (x *proxier) ready(ctx context.Context) error {
	if x.tools.restore != "" {
		return nil
	}
	t, err := findTools(ctx, x.variant, x.family)
	if err != nil {
		return err
	}
	x.tools = t
	return nil
}

// sync is kube-proxy's full sync.
func (x *proxier) sync(ctx context.Context, state *backends.State) error {
	if err := x.ready(ctx); err != nil {
		return err
	}
	if x.family == backends.IPv4 {
		if err := ensureRouteLocalnet(); err != nil {
			return err
		}
	}
	found, err := x.tools.read(ctx)
	if err != nil {
		return err
	}
	x.features = Features{NFAcct: !x.uncounted && ensureCounters(), TCPLiberal: isTCPLiberal()}
	r := newRuleset(x.family, state, x.space, nil, false)
	r.over(found)
	r.features = x.features
	err = x.restore(ctx, r)
	if refused := (*RestoreError)(nil); r.features.NFAcct && errors.As(err, &refused) {
		r.features.NFAcct = false
		if err = x.restore(ctx, r); err == nil {
			x.features, x.uncounted = r.features, true
		}
	}
	x.space, x.large, x.putOff = r.space, r.large, false
	return x.explain(ctx, err)
}

// apply is kube-proxy's partial sync: everything that all Services share is
// written anew, and of the others only the chains of those that changed.
// In a large cluster stale chains are put off, for finding them is most of the
// cost. When the cluster becomes large, or stops being so, the comments of all
// chains change, and kube-proxy would leave them as they were until each
// Service changes; here all are written then.
func (x *proxier) apply(ctx context.Context, to *backends.State, changed func(*backends.ServicePort) bool) error {
	_, endpoints := size(x.family, to)
	large := endpoints > largeCluster
	if large != x.large {
		changed = func(*backends.ServicePort) bool { return true }
	}
	var nat found
	if !large {
		var err error
		if nat, err = x.tools.readTables(ctx, "-t", string(NAT)); err != nil {
			return err
		}
	}
	r := newRuleset(x.family, to, x.space, changed, !large)
	r.over(nat)
	r.features = x.features
	x.space, x.large, x.putOff = r.space, large, large
	return x.explain(ctx, x.restore(ctx, r))
}

// settle deletes the chains that apply put off.
func (x *proxier) settle(ctx context.Context, state *backends.State) error {
	if !x.putOff {
		return nil
	}
	found, err := x.tools.readTables(ctx, "-t", string(NAT))
	if err != nil {
		return err
	}
	r := newRuleset(x.family, state, x.space, func(*backends.ServicePort) bool { return false }, true)
	r.over(found)
	x.space = r.space
	if len(r.stale) > 0 {
		if err := restore(ctx, x.tools.restoreCommand(ctx), r.writeStale); err != nil {
			return err
		}
	}
	x.putOff = false
	return nil
}

// look reads what the kernel holds of a family that nobody may have asked for.
// Without its tools nothing was made.
func (x *proxier) look(ctx context.Context) (found, error) {
	err := x.ready(ctx)
	if x.family == backends.IPv6 && errors.Is(err, backends.ErrNotSupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return x.tools.read(ctx)
}

// remove removes everything of the family.
func (x *proxier) remove(ctx context.Context) error {
	found, err := x.look(ctx)
	if err != nil || found.empty() {
		return err
	}
	return restore(ctx, x.tools.restoreCommand(ctx), found.writeRemoval)
}

func (x *proxier) restore(ctx context.Context, r *ruleset) error {
	return restore(ctx, x.tools.restoreCommand(ctx), r.write)
}
