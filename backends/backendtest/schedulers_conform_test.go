package backendtest

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/lab"
)

// schedulerRows are the behaviours that every scheduler is held to, in both families:
// those in which it has a say. Who is chosen at all, also where an endpoint goes and
// a client comes back, is the scheduler's; which packets reach a virtual server, how
// they are masqueraded and who keeps them out is decided by the rules and sets around
// it, which are the same and which the suite asks of ipvs. Rows that want every
// endpoint to answer are not asked: with most schedulers one client does not meet
// all (schedulers says who does).
func schedulerRows() []behaviour {
	var rows []behaviour
	for _, b := range behaviours() {
		switch b.name {
		case "AffinityHolds", "UDPFlowMoves", "UDPFlowMovesNotReady", "TCPFlowStays":
			rows = append(rows, b)
		}
	}
	notServing := backends.NotReady | backends.NotServing
	mixed := func(n int, proto backends.Protocol) func(a addresses) []backends.ServicePort {
		return func(a addresses) []backends.ServicePort {
			p := a.service(n, fmt.Sprintf("scheduler-%d", n), proto,
				a.remote(0), a.local(0), condition(a.remote(1), notServing), condition(a.remote(2), backends.NotReady|backends.Terminating))
			p.NodePort = nodePort(n)
			return []backends.ServicePort{p}
		}
	}
	vip := func(_ *trial, p *backends.ServicePort) netip.AddrPort { return p.VIP() }
	atNode := func(t *trial, p *backends.ServicePort) netip.AddrPort { return t.nodeAt(p.NodePort) }
	outside := func(t *trial) place { return t.beyond(1) }
	row := func(n int, name string, proto backends.Protocol, from func(*trial) place, to func(*trial, *backends.ServicePort) netip.AddrPort, o Outcome) behaviour {
		return behaviour{
			name: name, says: name, services: mixed(n, proto), want: all(o),
			observe: func(t *trial) (Outcome, error) {
				return t.meets(from(t), to(t, &t.services[0]), t.remote(0), t.local(0))
			},
		}
	}
	return append(rows,
		row(240, "SchedulerFromPod", backends.TCP, (*trial).pod, vip, AsItself),
		row(241, "SchedulerFromPodUDP", backends.UDP, (*trial).pod, vip, AsItself),
		row(242, "SchedulerFromNode", backends.TCP, (*trial).theNode, vip, AsNode),
		row(243, "SchedulerAtNodePort", backends.TCP, outside, atNode, AsNode),
	)
}

// meets asks a few times: one of the endpoints must answer, whichever, and nobody
// else.
func (t *trial) meets(from place, to netip.AddrPort, own ...backends.Endpoint) (Outcome, error) {
	var each []func() (Outcome, error)
	for range 6 {
		each = append(each, func() (Outcome, error) {
			a, o, err := t.ask(from, t.services[0].Protocol, to)
			if err == nil && a.Endpoint.IsValid() && !slices.ContainsFunc(own, func(e backends.Endpoint) bool { return e.Addr == a.Endpoint }) {
				err = fmt.Errorf("answered by %s, which is none of %v", a.Endpoint, own)
			}
			return o, err
		})
	}
	return same(each...)
}

func (l *lawful) conforms(t *testing.T) {
	trials, err := observe(t.Context(), l.b, l.topology, *l.node, schedulerRows())
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range trials {
		if err := trial.wrong(IPVS); err != nil {
			t.Errorf("%s in %s: %v", trial.name, trial.family, err)
		}
	}
}

// twisted is a backend that programs something else.
type twisted struct {
	backends.Backend
	twist func(*backends.ServicePort)
}

func (b twisted) Sync(ctx context.Context, state *backends.State) error {
	other := &backends.State{Node: state.Node}
	for _, p := range state.Services {
		p.Endpoints = slices.Clone(p.Endpoints)
		b.twist(&p)
		other.Services = append(other.Services, p)
	}
	return b.Backend.Sync(ctx, other)
}

// The rows that only schedulers have pass with a right backend, whichever it is, and
// not with wrong ones. The others' saboteurs are those of the suite.
func TestSchedulerRowsCanFail(t *testing.T) {
	if os.Getenv(lab.NodeEnv) == "vm" {
		return // it is shown faster outside
	}
	n := dualNode()
	top, err := lab.BuildWith(context.WithoutCancel(t.Context()), everything(), extras(&n))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := top.Close(); err != nil {
			t.Error(err)
		}
	}()
	own := slices.DeleteFunc(schedulerRows(), func(b behaviour) bool { return !strings.HasPrefix(b.name, "Scheduler") })
	for _, c := range []struct {
		what  string
		twist func(*backends.ServicePort)
		fails func(row string) bool
	}{
		{"it is right", func(*backends.ServicePort) {}, func(string) bool { return false }},
		{"the endpoints that are not ready answer", func(p *backends.ServicePort) {
			for i := range p.Endpoints {
				if e := &p.Endpoints[i]; e.Conditions == 0 {
					e.Conditions = backends.NotReady | backends.NotServing
				} else {
					e.Conditions = 0
				}
			}
		}, func(string) bool { return true }},
		{"it has no NodePort", func(p *backends.ServicePort) { p.NodePort = 0 }, func(row string) bool { return row == "SchedulerAtNodePort" }},
	} {
		b := twisted{iptables.New(iptables.Legacy), c.twist}
		all, err := observe(t.Context(), b, top, n, own)
		if err != nil {
			t.Fatal(err)
		}
		for _, trial := range all {
			if err := trial.wrong(IPTablesLegacy); (err != nil) != c.fails(trial.name) {
				t.Errorf("%s in %s: %s: %v", trial.name, trial.family, c.what, err)
			}
		}
		if err := b.Cleanup(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
}
