package ipvs

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/conntrack"
)

// Apply makes the calls that the change needs and no others: nothing is read but
// the real servers of TCP VIPs that lose some, and the rules are written only
// when a set gets its first entry or loses its last, or a load balancer's source
// ranges do more to them than that. The node's addresses are those that Sync
// found. With the path KubeProxy it is a Sync.
func (b *Backend) Apply(ctx context.Context, delta *backends.Delta) error {
	if err := b.apply(ctx, delta); err != nil {
		return fmt.Errorf("ipvs: applying a change: %w", err)
	}
	return nil
}

func (b *Backend) apply(ctx context.Context, delta *backends.Delta) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.plans == nil {
		return errors.New("nothing was synced before, or it failed: call Sync first")
	}
	if !delta.SameNode() {
		return errors.New("the node changed: call Sync")
	}
	if b.path == KubeProxy {
		return b.sync(ctx, delta.To)
	}
	if err := check(delta); err != nil {
		return err
	}
	plans := b.plans
	b.plans = nil // until it ended well only Sync helps
	k, err := openKernel()
	if err != nil {
		return err
	}
	defer k.close()
	if k.family == 0 {
		return b.noIPVS()
	}
	for _, p := range plans {
		if err := b.applyTo(ctx, k, p, delta); err != nil {
			return err
		}
	}
	if err := conntrack.DropStaleAfter(delta); err != nil {
		return err
	}
	b.plans = plans
	return nil
}

// check is State.Check of what is new: the rest was checked before.
func check(delta *backends.Delta) error {
	added := backends.State{Node: delta.To.Node}
	for _, c := range delta.Changes {
		if c.New != nil {
			added.Services = append(added.Services, *c.New)
		}
	}
	return added.Check()
}

// applyTo changes a family's plan, and then the kernel from the plan that was to
// the one that is, in the order of a Sync.
func (b *Backend) applyTo(ctx context.Context, k *kernel, p *plan, delta *backends.Delta) error {
	before := p.rules()
	changes, err := p.change(delta)
	if err != nil || changes.none() {
		return err
	}
	if err := p.fits(); err != nil {
		return err
	}
	rules := p.rules()
	steps := []func() error{
		func() error { return k.applyToSets(p, changes, ipsetAdd) },
		func() error {
			if rules.equal(&before) {
				return nil
			}
			return b.tables(p.family).restore(ctx, rules.restore(nil))
		},
		func() error { return k.applyToAddrs(p, changes) },
		func() error { return b.applyToServers(k, p, changes) },
		func() error { return k.applyToSets(p, changes, ipsetDel) },
	}
	return inTurn(ctx, steps)
}

// changes is what a plan had before it changed, in the order of the changes.
type changes struct {
	servers  map[vip]*server // nil for one that there was not
	vips     []vip
	entries  map[element]bool // whether the set had it
	elements []element
}

func (c *changes) none() bool { return len(c.vips) == 0 && len(c.elements) == 0 }

// server hears of a virtual server that changes. What it was the first time
// counts.
func (c *changes) server(v vip, was *server) {
	if _, again := c.servers[v]; !again {
		c.servers[v] = was
		c.vips = append(c.vips, v)
	}
}

func (c *changes) entry(e element, was bool) {
	if _, again := c.entries[e]; !again {
		c.entries[e] = was
		c.elements = append(c.elements, e)
	}
}

// change makes the plan that of delta.To.
func (p *plan) change(delta *backends.Delta) (*changes, error) {
	c := &changes{servers: make(map[vip]*server), entries: make(map[element]bool)}
	var n needs
	for _, change := range delta.Changes {
		// A server's real servers are pieces of needs: each ServicePort's
		// stay with it.
		n.dests = nil
		if s := change.Old; s != nil && s.Family() == p.name {
			p.view.derive(s, &n)
			if err := p.take(&n, c); err != nil {
				return nil, err
			}
		}
		n.dests = nil
		if s := change.New; s != nil && s.Family() == p.name {
			p.view.derive(s, &n)
			p.add(&n, c)
		}
	}
	return c, nil
}

// applyToSets adds the entries that are new (ipsetAdd) or removes those that
// are gone (ipsetDel).
func (k *kernel) applyToSets(p *plan, c *changes, cmd uint16) error {
	for id, s := range kubeSets {
		a := adder{k: k, cmd: cmd, name: p.sets[id], typ: s.typ}
		for i := range c.elements {
			e := &c.elements[i]
			if int(e.set) != id {
				continue
			}
			is, was := p.counts[id][e.entry] > 0, c.entries[*e]
			if is == was || is != (cmd == ipsetAdd) {
				continue
			}
			if err := a.put(&e.entry); err != nil {
				return name(err, setObject)
			}
		}
		if err := a.end(); err != nil {
			return name(err, setObject)
		}
	}
	return name(k.sets.Flush(), setObject)
}

// applyToAddrs binds and unbinds what changed in the set of bound addresses.
// An address that goes may serve until its virtual servers are gone: nothing of
// the old state is promised any more.
func (k *kernel) applyToAddrs(p *plan, c *changes) error {
	var index int32
	for i := range c.elements {
		e := &c.elements[i]
		is, was := p.counts[e.set][e.entry] > 0, c.entries[*e]
		if e.set != setIPVSAddrs || is == was {
			continue
		}
		if index == 0 {
			var err error
			if index, _, err = k.link(device); err != nil {
				return err
			}
			if index == 0 {
				return fmt.Errorf("the device %s is gone: call Sync", device)
			}
		}
		cmd := uint16(unix.RTM_DELADDR)
		if is {
			cmd = unix.RTM_NEWADDR
		}
		if err := k.putAddr(cmd, index, hostAddr(e.ip)); err != nil {
			return name(err, routeObject)
		}
	}
	return name(k.route.Flush(), routeObject)
}

func (b *Backend) applyToServers(k *kernel, p *plan, c *changes) error {
	var gone []retired
	for _, v := range c.vips {
		was, is := c.servers[v], p.servers[v]
		if is == nil {
			if was == nil {
				continue
			}
			if err := b.removeServer(k, v); err != nil {
				return name(err, ipvsObject)
			}
			continue
		}
		old, err := b.syncServer(k, p.family, is, b.known(p.family, was))
		if err != nil {
			return name(err, ipvsObject)
		}
		if len(old) > 0 {
			gone = append(gone, retired{v, old})
		}
	}
	return b.retire(k, gone)
}

// known is a virtual server as the kernel has it by what we made, nil when we
// made none.
func (b *Backend) known(f *family, s *server) *virtualServer {
	if s == nil {
		return nil
	}
	v := &virtualServer{vip: s.vip, service: b.service(f, s), dests: make(map[dest]realServer, len(s.dests))}
	for _, d := range b.leaving[s.vip] {
		v.dests[d] = realServer{}
	}
	for _, d := range s.dests {
		v.dests[d] = realServer{forward: forwardMasquerade, weight: s.weight(d)}
	}
	return v
}
