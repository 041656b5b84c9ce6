package backendtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
)

const (
	applyRounds   = 12 // of changes, each with one Apply
	applyServices = 8  // that may be there and change, in each family
	applyMost     = 3  // changes in one round
)

// partial is a Backend that takes changes alone.
type partial interface {
	backends.Backend
	backends.Applier
}

// apply takes changes by Apply, if the backend has it, with packets meanwhile.
func (s *suite) apply(t *testing.T) {
	b, ok := s.backend(t).(partial)
	if !ok {
		t.Log("this backend takes no change alone")
		return
	}
	n := dualNode()
	if err := applied(t.Context(), b, s.topology, &n); err != nil {
		t.Error(err)
	}
	// Whatever Apply left, the backend still knows where it stands.
	sync(t, b, before())
	served(t, b, before(), s.client(), s.clientAddr())
}

// applied leads a backend through random changes of Services, and asks others,
// which stay as they are, all the while: none of those questions may be lost or
// answered by another. After each Apply, and the deletion of what may be deleted
// by then, the changed ServicePorts are served as they are now.
func applied(ctx context.Context, b partial, top *lab.Topology, n *backends.Node) error {
	draw := rand.New(rand.NewPCG(1, 2))
	from := &backends.State{Node: *n, Services: slices.Concat(constant(n), changing(n, draw))}
	sortServices(from.Services)
	if err := b.Sync(ctx, from); err != nil {
		return fmt.Errorf("Sync: %w", err)
	}
	trials := map[backends.Family]*trial{}
	for _, f := range backends.Families() {
		trials[f] = &trial{addresses: addresses{f, n}, ctx: ctx, topology: top, proxied: isProxied(b)}
	}
	for round := range applyRounds {
		to := changed(from, draw)
		delta := backends.Diff(from, to)
		stop := undisturbed(trials, constant(n))
		err := b.Apply(ctx, delta)
		if settler, ok := b.(backends.Settler); ok && err == nil {
			_, err = settler.Settle(ctx)
		}
		if lost := stop(); err == nil {
			err = lost
		}
		if err != nil {
			return fmt.Errorf("Apply %d, of %d changes: %w", round, len(delta.Changes), err)
		}
		for _, c := range delta.Changes {
			p := c.New
			if p == nil {
				p = &backends.ServicePort{Namespace: c.Old.Namespace, Name: c.Old.Name, Protocol: c.Old.Protocol, ClusterIP: c.Old.ClusterIP, Port: c.Old.Port}
			}
			if err := trials[p.Family()].servedNow(p, c.Old); err != nil {
				return fmt.Errorf("after Apply %d: %s: %w", round, p, err)
			}
		}
		from = to
	}
	moved := *from
	moved.Node.Name = "another"
	if err := b.Apply(ctx, backends.Diff(from, &moved)); err == nil {
		return fmt.Errorf("Apply took a change of the node")
	}
	return nil
}

// undisturbed asks services over and over until the function that it gives is
// called, which says what went wrong. It returns once each has been asked.
func undisturbed(trials map[backends.Family]*trial, services []backends.ServicePort) (stop func() error) {
	asked, ended, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		for round := 0; ; round++ {
			for i := range services {
				p := &services[i]
				a, o, err := trials[p.Family()].ask(trials[p.Family()].pod(), p.Protocol, p.VIP())
				if err == nil && (o != trials[p.Family()].asked() || !slices.ContainsFunc(p.Endpoints, func(e backends.Endpoint) bool { return e.Addr == a.Endpoint })) {
					err = fmt.Errorf("%s, which did not change, meanwhile: %s by %s", p, o, a.Endpoint)
				}
				if err != nil {
					result <- err
					if round == 0 {
						close(asked)
					}
					return
				}
			}
			if round == 0 {
				close(asked)
			}
			select {
			case <-ended:
				result <- nil
				return
			default:
			}
		}
	}()
	<-asked
	return func() error {
		close(ended)
		return <-result
	}
}

// servedNow asks a ServicePort, which may have been another one: its ready
// endpoints answer and nobody else, or nobody does.
func (t *trial) servedNow(p, old *backends.ServicePort) error {
	used := p.Reachable(t.node).Cluster
	if len(used) == 0 {
		// A UDP flow from before goes on where no endpoint is left (conntrack.DropStale), and
		// a question from a port that the kernel draws again is of that flow. Twice in a row
		// it is not drawn: the ports of some hundred questions are one in a hundred.
		questions := 1
		if p.Protocol == backends.UDP {
			questions = 3
		}
		var a netip.AddrPort
		var err error
		for range questions {
			err = t.topology.Client.Do(func() error {
				answer, err := ask(p, p.VIP(), impatience)
				a = answer.Endpoint
				return err
			})
			if err != nil {
				break
			}
		}
		if err == nil {
			return fmt.Errorf("it has no endpoint and is answered by %s", a)
		}
		return notAnErrno(err)
	}
	t.services = []backends.ServicePort{*p}
	if old != nil {
		t.services = append(t.services, *old) // none of its endpoints may answer that is not one of used
	}
	o, err := t.reaches(t.pod(), p.Protocol, p.VIP(), used...)
	if err == nil && o != t.asked() {
		err = fmt.Errorf("it has %d endpoints: %s", len(used), o)
	}
	return err
}

// constant are the Services that no change touches.
func constant(n *backends.Node) []backends.ServicePort {
	var list []backends.ServicePort
	for _, f := range backends.Families() {
		a := addresses{f, n}
		tcp := a.service(200, "constant", backends.TCP, a.remotes(3)...)
		udp := a.service(200, "constant", backends.UDP, a.remotes(2)...)
		tcp.NodePort, udp.PortName = nodePort(200), "udp"
		list = append(list, tcp, udp)
	}
	return list
}

// changing are half of the Services that may change.
func changing(n *backends.Node, draw *rand.Rand) []backends.ServicePort {
	var list []backends.ServicePort
	for _, f := range backends.Families() {
		for i := range applyServices / 2 {
			list = append(list, drawn(addresses{f, n}, i, draw))
		}
	}
	return list
}

// drawn is the i-th Service that may change, with drawn endpoints: a few of six,
// some of them not ready.
func drawn(a addresses, i int, draw *rand.Rand) backends.ServicePort {
	proto := []backends.Protocol{backends.TCP, backends.UDP}[i%2]
	p := a.service(210+i, fmt.Sprintf("changing-%d", i), proto)
	if i%4 == 0 {
		p.NodePort = nodePort(210 + i)
	}
	for _, e := range append(a.remotes(4), a.local(0), a.local(1)) {
		switch draw.IntN(4) {
		case 0:
			p.Endpoints = append(p.Endpoints, e)
		case 1:
			p.Endpoints = append(p.Endpoints, condition(e, backends.NotReady|backends.NotServing))
		}
	}
	backends.SortEndpoints(p.Endpoints)
	return p
}

// changed is the state after one round: some Services come, go, or get other
// endpoints.
func changed(from *backends.State, draw *rand.Rand) *backends.State {
	to := &backends.State{Node: from.Node, Services: slices.Clone(from.Services)}
	for range 1 + draw.IntN(applyMost) {
		a := addresses{backends.Families()[draw.IntN(2)], &to.Node}
		p := drawn(a, draw.IntN(applyServices), draw)
		i := slices.IndexFunc(to.Services, func(q backends.ServicePort) bool { return q.Key() == p.Key() })
		switch {
		case i < 0:
			to.Services = append(to.Services, p)
		case draw.IntN(3) == 0:
			to.Services = slices.Delete(to.Services, i, i+1)
		default:
			to.Services[i] = p
		}
	}
	sortServices(to.Services)
	return to
}

func sortServices(services []backends.ServicePort) {
	slices.SortFunc(services, func(p, q backends.ServicePort) int { return p.Compare(&q) })
}
