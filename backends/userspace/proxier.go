package userspace

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/svcmark/svcmark/backends"
)

// proxier is the half of a proxy that looks after one family.
type proxier struct {
	family   backends.Family
	fail     func(error)
	tool     *tool      // nil until there is something to do
	host     netip.Addr // where the node's own processes are led
	services map[backends.Key]*service
	order    []backends.Key // in which they came
	// sure is set while the chains hold the services' rules and no others of ours.
	sure bool
}

func newProxier(f backends.Family, fail func(error)) *proxier {
	return &proxier{family: f, fail: fail, services: map[backends.Key]*service{}}
}

// sync leads the family to the state. The first one flushes what another proxy left:
// its ports are nobody's any more.
func (x *proxier) sync(ctx context.Context, state *backends.State) error {
	if !state.Node.Programs(x.family) {
		x.close()
		return removeRules(ctx, x.family)
	}
	if x.tool == nil {
		t, err := findTool(ctx, x.family)
		if err != nil {
			return err
		}
		x.tool = t
	}
	if host := state.Node.ProxyAddr(x.family); host != x.host {
		x.close() // every rule from the node is another one
		x.host = host
	}
	if x.sure {
		if err := x.compare(ctx); err != nil {
			return err
		}
	}
	return x.program(ctx, x.changes(state))
}

// compare finds out whether there is something else in our chains than was put there.
func (x *proxier) compare(ctx context.Context) error {
	want := map[string]int{}
	for _, s := range x.services {
		for _, r := range s.rules {
			want[r.chain]++
		}
	}
	tables, err := x.tool.read(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		for chain, n := range t.chains {
			x.sure = x.sure && n <= want[chain] // what is missing will be made
		}
	}
	return nil
}

// changes are what leads to the state: all that go, and then the others in its order.
func (x *proxier) changes(state *backends.State) []change {
	var stay []change
	there := map[backends.Key]bool{}
	for i := range state.Services {
		if p := &state.Services[i]; p.Family() == x.family {
			stay = append(stay, change{p.Key(), p})
			there[p.Key()] = true
		}
	}
	var all []change
	for _, key := range x.order {
		if !there[key] {
			all = append(all, change{key, nil})
		}
	}
	return append(all, stay...)
}

// apply takes changes of the family's ServicePorts. Those of endpoints alone are no
// affair of iptables.
func (x *proxier) apply(ctx context.Context, all []change) error {
	var way []change
	for _, c := range all {
		s := x.services[c.Key]
		if s == nil && c.New == nil || c.Key.Protocol == backends.SCTP {
			continue
		}
		if s != nil && c.New != nil && sameWay(s.port, c.New) {
			s.update(c.New)
			continue
		}
		way = append(way, c)
	}
	if len(way) == 0 && x.sure {
		return nil
	}
	return x.program(ctx, way)
}

// program is a sync (syncProxyRules in proxier.go): the chains, then what changes, and
// then every rule of all ServicePorts is looked for. What goes goes first here, so
// that what comes may have its port.
func (x *proxier) program(ctx context.Context, all []change) error {
	flush := !x.sure
	x.sure = false
	if err := x.foundations(ctx, flush); err != nil {
		return x.tool.explain(ctx, err)
	}
	moved := newTouched(x.family)
	var come []*backends.ServicePort
	for _, c := range all {
		s := x.services[c.Key]
		switch {
		case c.New != nil && c.New.Protocol == backends.SCTP:
		case s != nil && c.New != nil && sameWay(s.port, c.New):
			s.update(c.New)
		default:
			if s != nil {
				moved.add(s.port)
				if err := x.leave(ctx, c.Key, s); err != nil {
					return err
				}
			}
			if c.New != nil {
				come = append(come, c.New)
			}
		}
	}
	own := ownAddresses()
	if err := x.room(come); err != nil {
		return err
	}
	for _, p := range come {
		moved.add(p)
		if err := x.enter(ctx, p, own); err != nil {
			return x.tool.explain(ctx, fmt.Errorf("serving %s: %w", p, err))
		}
	}
	for _, key := range x.order {
		s := x.services[key]
		if err := x.portal(ctx, s, own); err != nil {
			return x.tool.explain(ctx, fmt.Errorf("serving %s: %w", s.port, err))
		}
		s.socket.balancer.forget()
	}
	if err := moved.forget(); err != nil {
		return err
	}
	x.sure = true
	return nil
}

// foundations makes sure of our chains and what leads to them.
func (x *proxier) foundations(ctx context.Context, flush bool) error {
	for _, j := range jumps() {
		if err := x.tool.ensureChain(ctx, j.table, j.chain); err != nil {
			return err
		}
		if err := x.tool.ensure(ctx, j.put, j.rule); err != nil {
			return err
		}
	}
	if !flush {
		return nil
	}
	for _, j := range jumps() {
		if err := x.tool.flush(ctx, j.table, j.chain); err != nil {
			return err
		}
	}
	return nil
}

// room makes sure that what comes may have its sockets.
func (x *proxier) room(come []*backends.ServicePort) error {
	sockets := 0
	count := func(p *backends.ServicePort) {
		sockets++
		if p.NodePort != 0 {
			sockets++
		}
	}
	for _, s := range x.services {
		count(s.port)
	}
	for _, p := range come {
		count(p)
	}
	return allowFiles(sockets)
}

func (x *proxier) enter(ctx context.Context, p *backends.ServicePort, own map[netip.Addr]bool) error {
	s, err := newService(p, x.host, x.fail)
	if err != nil {
		return err
	}
	x.services[p.Key()] = s
	x.order = append(x.order, p.Key())
	return x.portal(ctx, s, own)
}

// portal makes sure of a ServicePort's ports and rules.
func (x *proxier) portal(ctx context.Context, s *service, own map[netip.Addr]bool) error {
	if err := s.claim(own); err != nil {
		return err
	}
	for _, r := range s.rules {
		if err := x.tool.ensure(ctx, "-A", r); err != nil {
			return err
		}
	}
	return nil
}

func (x *proxier) leave(ctx context.Context, key backends.Key, s *service) error {
	for _, r := range s.rules {
		if err := x.tool.remove(ctx, r); err != nil {
			return err
		}
	}
	s.close()
	delete(x.services, key)
	x.order = slices.DeleteFunc(x.order, func(k backends.Key) bool { return k == key })
	return nil
}

// close ends all that listens, and leaves the rules.
func (x *proxier) close() {
	for _, s := range x.services {
		s.close()
	}
	clear(x.services)
	x.order, x.sure = nil, false
}

// ownAddresses are the node's.
func ownAddresses() map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return own // as the original does: nothing is claimed then
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				own[ip.Unmap()] = true
			}
		}
	}
	return own
}
