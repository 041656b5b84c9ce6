package backendtest

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/svcmark/svcmark/backends"
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
