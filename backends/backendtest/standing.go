package backendtest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	gosync "sync"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
)

// together is how many behaviours are observed at a time: most of their time is
// silence.
const together = 16

// standing is the state that all behaviours need, on a node.
func standing(n backends.Node) *backends.State {
	s := &backends.State{Node: n}
	for _, b := range runnable() {
		for _, f := range backends.Families() {
			if b.services != nil && b.in(f) && n.Addr(f).IsValid() {
				s.Services = append(s.Services, b.services(addresses{f, &n})...)
			}
		}
	}
	slices.SortFunc(s.Services, func(p, q backends.ServicePort) int { return p.Compare(&q) })
	return s
}

// runnable are the behaviours that this kernel can show: all of them but SCTP's
// where it has none.
func runnable() []behaviour {
	if lab.SCTP() == nil {
		return behaviours()
	}
	return slices.DeleteFunc(behaviours(), func(b behaviour) bool {
		return slices.ContainsFunc(sctp(), func(s behaviour) bool { return s.name == b.name })
	})
}

// extras are the hosts that the behaviours need around a node.
func extras(n *backends.Node) lab.Extras {
	x := lab.Extras{Outside: true, OutsidePorts: []uint16{otherPort}}
	for _, f := range backends.Families() {
		if !n.Addr(f).IsValid() {
			continue
		}
		a := addresses{f, n}
		for _, vip := range []int{closedVIP, unallocatedVIP} {
			x.Beyond = append(x.Beyond, netip.PrefixFrom(a.vip(vip), a.vip(vip).BitLen()))
		}
	}
	return x
}

// observation is what a behaviour came to.
type observation struct {
	behaviour behaviour
	family    backends.Family
	outcome   Outcome
	err       error
}

// observe lets behaviours happen in each of the node's families. What they need
// is programmed.
func observe(ctx context.Context, top *lab.Topology, n *backends.Node, rows []behaviour) []observation {
	var seen []observation
	for _, f := range backends.Families() {
		for _, b := range rows {
			if n.Addr(f).IsValid() && b.in(f) {
				seen = append(seen, observation{behaviour: b, family: f})
			}
		}
	}
	var all gosync.WaitGroup
	slots := make(chan struct{}, together)
	for i := range seen {
		slots <- struct{}{}
		all.Go(func() {
			o := &seen[i]
			t := &trial{addresses: addresses{o.family, n}, ctx: ctx, topology: top}
			if o.behaviour.services != nil {
				t.services = o.behaviour.services(t.addresses)
			}
			o.outcome, o.err = o.behaviour.observe(t)
			<-slots
		})
	}
	all.Wait()
	return seen
}

// wrong is why an observation is not what the table says of a backend, nil if
// it is.
func (o *observation) wrong(c Column) error {
	want := o.behaviour.want.of(c)
	switch {
	case o.err != nil:
		return o.err
	case o.outcome != want:
		return fmt.Errorf("%s: %s, want %s", o.behaviour.says, o.outcome, want)
	}
	return nil
}

// standing programs all behaviours beside each other on the suite's node, and
// observes each.
func (s *suite) standing(t *testing.T, n backends.Node) {
	s.synced(t, standing(n))
	for _, o := range observe(t.Context(), s.topology, &n, runnable()) {
		t.Run(string(o.family)+"/"+o.behaviour.name, func(t *testing.T) {
			if err := o.wrong(s.expect.Column); err != nil {
				t.Error(err)
			}
		})
	}
}
