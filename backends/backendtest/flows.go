package backendtest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/probe"
)

// flows are the behaviours of what is under way while its Service changes.
func flows() []behaviour {
	two := func(n int, name string, proto backends.Protocol) func(a addresses) []backends.ServicePort {
		return func(a addresses) []backends.ServicePort {
			p := a.service(n, name, proto, a.remotes(2)...)
			p.NodePort, p.ExternalIPs = nodePort(n), []netip.Addr{a.external(n)}
			return []backends.ServicePort{p}
		}
	}
	vip := func(_ *trial, p *backends.ServicePort) netip.AddrPort { return p.VIP() }
	onNodePort := func(t *trial, p *backends.ServicePort) netip.AddrPort { return t.nodeAt(p.NodePort) }
	onExternal := func(_ *trial, p *backends.ServicePort) netip.AddrPort {
		return netip.AddrPortFrom(p.ExternalIPs[0], p.Port)
	}
	outside := func(t *trial) place { return t.beyond(1) }
	opened := func(from func(*trial) place, to func(*trial, *backends.ServicePort) netip.AddrPort) func(*trial) error {
		return func(t *trial) error {
			p := &t.services[0]
			err := from(t).host(func() (err error) {
				t.flow, err = probe.OpenFlow(p.Protocol, to(t, p), patience)
				return err
			})
			if err != nil {
				return err
			}
			t.first, err = t.flow.Ask()
			switch {
			case errors.Is(err, unix.ECONNREFUSED):
				t.unserved = Refused
			case errors.Is(err, unix.ETIMEDOUT), errors.Is(err, unix.EHOSTUNREACH):
				t.unserved = Silent
			default:
				return err
			}
			return nil
		}
	}
	// without takes the endpoint away that the flow has.
	without := func(t *trial) []backends.ServicePort {
		return t.endpoints(func(e *backends.Endpoint) bool { return e.Addr != t.first.Endpoint })
	}
	notReady := func(t *trial) []backends.ServicePort {
		return t.endpoints(func(e *backends.Endpoint) bool {
			if e.Addr == t.first.Endpoint {
				e.Conditions = backends.NotReady | backends.NotServing
			}
			return true
		})
	}
	return []behaviour{
		{
			name: "UDPFlowMoves", says: "a pod's UDP flow through a ClusterIP goes on at another endpoint when its own is gone",
			services: two(90, "udp-flow-moves", backends.UDP), prepare: opened((*trial).pod, vip), change: without, observe: moved, want: all(Yes).but(Stays, EBPFSocket),
		},
		{
			name: "UDPFlowMovesNotReady", says: "a pod's UDP flow does when its endpoint is not ready any more",
			services: two(91, "udp-flow-moves-not-ready", backends.UDP), prepare: opened((*trial).pod, vip), change: notReady, observe: moved, want: all(Yes).but(Stays, EBPFSocket),
		},
		{
			name: "UDPFlowMovesAtNodePort", says: "a UDP flow from outside through a NodePort does when its endpoint is gone",
			services: two(92, "udp-flow-moves-at-node-port", backends.UDP), prepare: opened(outside, onNodePort), change: without, observe: moved, want: all(Yes).but(Refused, EBPFSocket),
		},
		{
			name: "UDPFlowMovesAtExternalIP", says: "a UDP flow from outside through an external IP does when its endpoint is gone",
			services: two(93, "udp-flow-moves-at-external-ip", backends.UDP), prepare: opened(outside, onExternal), change: without, observe: moved, want: all(Yes).but(Silent, EBPFSocket),
		},
		{
			name: "TCPFlowStays", says: "a pod's TCP connection stays with its endpoint when that is not of the Service any more",
			services: two(94, "tcp-flow-stays", backends.TCP), prepare: opened((*trial).pod, vip), change: without,
			observe: func(t *trial) (Outcome, error) {
				a, err := t.flow.Ask()
				if err == nil && a != t.first {
					err = fmt.Errorf("the connection to %s is answered by %s", t.first.Endpoint, a.Endpoint)
				}
				return Yes, err
			},
			want: all(Yes),
		},
	}
}

// endpoints are the trial's services with the endpoints that keep keeps and may
// change.
func (t *trial) endpoints(keep func(*backends.Endpoint) bool) []backends.ServicePort {
	services := slices.Clone(t.services)
	for i := range services {
		var kept []backends.Endpoint
		for _, e := range services[i].Endpoints {
			if keep(&e) {
				kept = append(kept, e)
			}
		}
		services[i].Endpoints = kept
	}
	return services
}

// moved asks through the flow again: a ready endpoint must answer, another than
// before.
func moved(t *trial) (Outcome, error) {
	if t.unserved != "" {
		return t.unserved, nil
	}
	a, err := t.flow.Ask()
	if err != nil {
		return "", err
	}
	for _, e := range t.services[0].Endpoints {
		if e.Addr == a.Endpoint && e.Ready() && a.Endpoint != t.first.Endpoint {
			return Yes, nil
		}
	}
	if a != t.first {
		return "", fmt.Errorf("the flow of %s is answered by %s", t.first.Endpoint, a.Endpoint)
	}
	return Stays, nil
}
