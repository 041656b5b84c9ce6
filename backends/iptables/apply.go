package iptables

import (
	"context"
	"errors"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/conntrack"
)

// service is what kube-proxy tracks changes of: all ports of a Service together.
type service struct{ namespace, name string }

// Apply implements backends.Applier: kube-proxy's partial sync, in the families
// in which something changes. It costs what iptables-restore takes for the
// rules that lead to all Services, and the legacy variant also for taking the
// whole table out of the kernel and putting it back.
func (b *Backend) Apply(ctx context.Context, delta *backends.Delta) error {
	if err := delta.To.Check(); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case b.state == nil:
		return errors.New("there is no state that the kernel is known to equal: Sync comes first")
	case !b.has(delta.From):
		return errors.New("the delta starts from another state than the kernel's")
	case !delta.SameNode():
		return errors.New("the delta changes the node: that is for Sync")
	}
	b.state = nil
	for i := range b.proxiers {
		x := &b.proxiers[i]
		changes := map[service]bool{}
		for _, c := range delta.Changes {
			for _, p := range [...]*backends.ServicePort{c.Old, c.New} {
				if p != nil && p.Family() == x.family {
					changes[service{p.Namespace, p.Name}] = true
				}
			}
		}
		if len(changes) == 0 || !delta.To.Node.Programs(x.family) {
			continue
		}
		changed := func(p *backends.ServicePort) bool { return changes[service{p.Namespace, p.Name}] }
		if err := x.apply(ctx, delta.To, changed); err != nil {
			return err
		}
	}
	if err := conntrack.DropStaleAfter(delta); err != nil {
		return err
	}
	b.state = delta.To
	return nil
}

// has reports whether the kernel equals a state.
func (b *Backend) has(s *backends.State) bool {
	if b.state == s {
		return true
	}
	d := backends.Diff(b.state, s)
	return len(d.Changes) == 0 && d.SameNode()
}

// Settle implements backends.Settler: it deletes the chains that Apply left in
// a large cluster. Nothing leads to them, so none has to wait any longer.
func (b *Backend) Settle(ctx context.Context) (waiting int, err error) {
	if err := ctx.Err(); err != nil || b.state == nil {
		return 0, err
	}
	for i := range b.proxiers {
		if err := b.proxiers[i].settle(ctx, b.state); err != nil {
			return 0, err
		}
	}
	return 0, nil
}
