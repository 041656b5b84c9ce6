package backendtest

import (
	"context"
	"fmt"
	"net/netip"
	"os"
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
	return programmed(n, trials(context.Background(), nil, &n, runnable()))
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

// trials are rows in each of the node's families.
func trials(ctx context.Context, top *lab.Topology, n *backends.Node, rows []behaviour) []*trial {
	var all []*trial
	for _, f := range backends.Families() {
		for _, b := range rows {
			if !n.Addr(f).IsValid() || !b.in(f) {
				continue
			}
			t := &trial{addresses: addresses{f, n}, ctx: ctx, topology: top, behaviour: b}
			if b.services != nil {
				t.services = b.services(t.addresses)
			}
			all = append(all, t)
		}
	}
	return all
}

// programmed is the state that trials need now.
func programmed(n backends.Node, all []*trial) *backends.State {
	s := &backends.State{Node: n}
	for _, t := range all {
		s.Services = append(s.Services, t.services...)
	}
	sortServices(s.Services)
	return s
}

// each runs a step of all trials beside each other; the first error of a trial
// is its last step.
func each(all []*trial, step func(*trial) error) {
	var running gosync.WaitGroup
	slots := make(chan struct{}, together)
	for _, t := range all {
		if t.err != nil {
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			t.err = step(t)
			<-slots
		})
	}
	running.Wait()
}

// observe lets behaviours happen in each of the node's families: all at once,
// beside each other, and over one change of those that have one.
func observe(ctx context.Context, b backends.Backend, top *lab.Topology, n backends.Node, rows []behaviour) ([]*trial, error) {
	all := trials(ctx, top, &n, rows)
	for _, t := range all {
		t.proxied = isProxied(b)
	}
	defer func() {
		for _, t := range all {
			if t.flow != nil {
				t.flow.Close()
			}
		}
	}()
	if err := b.Sync(ctx, programmed(n, all)); err != nil {
		return nil, fmt.Errorf("Sync: %w", err)
	}
	each(all, func(t *trial) error {
		if t.prepare == nil {
			return nil
		}
		return t.prepare(t)
	})
	for _, t := range all {
		if t.change != nil && t.err == nil {
			t.services = t.change(t)
		}
	}
	if err := b.Sync(ctx, programmed(n, all)); err != nil {
		return nil, fmt.Errorf("Sync over another state: %w", err)
	}
	each(all, func(t *trial) (err error) {
		t.outcome, err = t.observe(t)
		return err
	})
	return all, nil
}

// wrong is why what came of a trial is not what the table says of a backend, nil
// if it is.
func (t *trial) wrong(c Column) error {
	want := t.want.of(c)
	switch {
	case t.err != nil:
		return t.err
	case t.outcome != want:
		return fmt.Errorf("%s: %s, want %s", t.says, t.outcome, want)
	}
	return nil
}

// behave observes all behaviours on a node.
func (s *suite) behave(t *testing.T, n backends.Node) {
	if err := lab.SCTP(); err != nil && os.Getenv(lab.NodeEnv) == "vm" {
		t.Error(err)
	} else if err != nil {
		t.Logf("SCTP is left to the microVM: %v", err)
	}
	all, err := observe(t.Context(), s.backend(t), s.topology, n, runnable())
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range all {
		t.Run(string(trial.family)+"/"+trial.name, func(t *testing.T) {
			if err := trial.wrong(s.expect.Column); err != nil {
				t.Error(err)
			}
		})
	}
}
