package backendtest

import (
	"fmt"
	"net/netip"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/svcmark/svcmark/backends"
)

const (
	// shareAsks are the connections whose spread over the endpoints is judged.
	shareAsks = 300
	// falseAlarm is how often a backend that is right may be judged wrong.
	falseAlarm = 1e-7
)

// whichEndpoint are the behaviours of a ClusterIP that is served.
func whichEndpoint() []behaviour {
	notServing := backends.NotReady | backends.NotServing
	mixed := func(a addresses) []backends.Endpoint {
		return []backends.Endpoint{
			a.remote(0), a.remote(1), a.local(0), condition(a.local(1), backends.NotReady),
			condition(a.remote(2), notServing), condition(a.remote(3), backends.NotReady|backends.Terminating), condition(a.remote(4), notServing|backends.Terminating),
		}
	}
	usable := func(from func(*trial) place) func(*trial) (Outcome, error) {
		return func(t *trial) (Outcome, error) {
			var each []func() (Outcome, error)
			for _, p := range t.services {
				each = append(each, func() (Outcome, error) {
					return t.reaches(from(t), p.Protocol, p.VIP(), t.remote(0), t.remote(1), t.local(0))
				})
			}
			return same(each...)
		}
	}
	overBoth := func(n int, name string) func(a addresses) []backends.ServicePort {
		return func(a addresses) []backends.ServicePort {
			udp := a.service(n, name, backends.UDP, mixed(a)...)
			udp.PortName = "udp"
			return []backends.ServicePort{a.service(n, name, backends.TCP, mixed(a)...), udp}
		}
	}
	return []behaviour{
		{
			name: "ReadyFromPod", says: "a pod asks a ClusterIP over TCP and UDP: every ready endpoint answers, no other",
			services: overBoth(1, "ready-from-pod"), observe: usable((*trial).pod), want: all(AsItself).but(AsNode, Userspace),
		},
		{
			name: "ReadyFromNode", says: "a process on the node asks the ClusterIP",
			services: overBoth(2, "ready-from-node"), observe: usable((*trial).theNode), want: all(AsNode),
		},
		{
			name: "ReadyFromOutside", says: "a machine outside the cluster asks the ClusterIP, through the node",
			services: overBoth(3, "ready-from-outside"),
			observe:  usable(func(t *trial) place { return t.beyond(1) }), want: all(AsNode).but(Silent, EBPFSocket),
		},
		{
			name: "Terminating", says: "no endpoint is ready: a pod reaches those that serve while they terminate, no other",
			services: func(a addresses) []backends.ServicePort {
				return []backends.ServicePort{a.service(4, "terminating", backends.TCP,
					condition(a.remote(0), backends.NotReady|backends.Terminating), condition(a.local(0), backends.NotReady|backends.Terminating),
					condition(a.remote(1), notServing|backends.Terminating), condition(a.remote(2), backends.NotReady))}
			},
			observe: func(t *trial) (Outcome, error) {
				return t.reaches(t.pod(), backends.TCP, t.services[0].VIP(), t.remote(0), t.local(0))
			},
			// It came with EndpointSlices, which the mode never learned of.
			want: all(AsItself).but(Dropped, Userspace),
		},
		{
			name: "Share", says: "new connections are given to endpoints",
			services: func(a addresses) []backends.ServicePort {
				return []backends.ServicePort{a.service(5, "share", backends.TCP, a.remotes(4)...)}
			},
			observe: share, want: all(AtRandom).but(InTurn, IPVS, Userspace),
		},
		{
			name: "Hairpin", says: "a pod reaches itself through a ClusterIP (hairpin)",
			services: func(a addresses) []backends.ServicePort {
				return []backends.ServicePort{
					a.service(6, "hairpin", backends.TCP, at(a.client(), true)),
					a.service(7, "hairpin-among-others", backends.UDP, at(a.client(), true), a.local(0), a.remote(0)),
				}
			},
			observe: func(t *trial) (Outcome, error) {
				alone, among := t.services[0], t.services[1]
				return same(
					func() (Outcome, error) {
						return t.reaches(t.pod(), alone.Protocol, alone.VIP(), alone.Endpoints...)
					},
					func() (Outcome, error) { return t.hairpin(t.pod(), &among) },
					func() (Outcome, error) { return t.hairpin(t.localPod(t.local(0)), &among) },
				)
			},
			want: all(AsNode).but(AsItself, EBPFSocket),
		},
		{
			name: "InternalLocal", says: "internalTrafficPolicy Local: the endpoints on the node answer a pod, no other",
			services: func(a addresses) []backends.ServicePort {
				p := a.service(8, "internal-local", backends.TCP, a.local(0), a.local(1), a.remote(0), condition(a.local(2), notServing))
				p.InternalLocal = true
				return []backends.ServicePort{p}
			},
			observe: func(t *trial) (Outcome, error) {
				p := &t.services[0]
				return t.reachesLocal(t.pod(), p, p.VIP(), t.local(0), t.local(1))
			},
			want: all(AsItself).but(Every, Userspace),
		},
	}
}

// hairpin asks until the pod that asks answers: masqueraded, and only then.
func (t *trial) hairpin(from place, p *backends.ServicePort) (Outcome, error) {
	for range tries {
		a, o, err := t.ask(from, p.Protocol, p.VIP())
		if err != nil || o != AsItself && o != AsNode {
			return o, err
		}
		if a.Endpoint.Addr() == from.self {
			return o, nil
		}
		if o != t.asked() {
			return "", fmt.Errorf("%s asked %s: the endpoint %s saw it as %s", from.name, p, a.Endpoint, a.Client)
		}
	}
	return "", fmt.Errorf("%s never reached itself through %s in %d tries", from.name, p, tries)
}

func share(t *trial) (Outcome, error) {
	p := t.services[0]
	var order []netip.AddrPort
	for range shareAsks {
		a, o, err := t.ask(t.pod(), p.Protocol, p.VIP())
		if err != nil || o != t.asked() {
			return o, err
		}
		order = append(order, a.Endpoint)
	}
	return shares(order, p.Endpoints)
}

// shares tells how a sequence of answers picks among endpoints: InTurn when it
// goes round, each once, and AtRandom when their counts are what independent
// draws with equal shares give (Pearson's chi-square). The threshold is what such
// draws exceed with the probability of falseAlarm.
func shares(order []netip.AddrPort, endpoints []backends.Endpoint) (Outcome, error) {
	k := len(endpoints)
	counts := map[netip.AddrPort]int{}
	for _, e := range endpoints {
		counts[e.Addr] = 0
	}
	turns := true
	for i, a := range order {
		if _, ok := counts[a]; !ok {
			return "", fmt.Errorf("answered by %s, which is none of %v", a, endpoints)
		}
		counts[a]++
		turns = turns && (i < k || a == order[i-k])
	}
	low, high := len(order), 0
	x, mean := 0.0, float64(len(order))/float64(k)
	for _, n := range counts {
		low, high = min(low, n), max(high, n)
		x += (float64(n) - mean) * (float64(n) - mean) / mean
	}
	if turns && high-low <= 1 {
		return InTurn, nil
	}
	if limit := (distuv.ChiSquared{K: float64(k - 1)}).Quantile(1 - falseAlarm); x > limit {
		return "", fmt.Errorf("the shares %v are not equal: chi-square %.1f, at most %.1f", counts, x, limit)
	}
	return AtRandom, nil
}
