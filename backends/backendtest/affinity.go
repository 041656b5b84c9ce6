package backendtest

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/svcmark/svcmark/backends"
)

const (
	affinityEndpoints = 8
	// affinityClients would all draw the same endpoint once in 8^11.
	affinityClients = 12
	// expiryRounds bound the wait for an affinity's end. Each waits twice as
	// long as the one before, since IPVS keeps an affinity for as long as
	// connections under it are remembered, and asks again; eight endpoints draw
	// the same in all of them once in 8^8.
	expiryRounds = 8
)

func affinity() []behaviour {
	sticky := func(n int, name string, seconds uint32) func(a addresses) []backends.ServicePort {
		return func(a addresses) []backends.ServicePort {
			p := a.service(n, name, backends.TCP, a.remotes(affinityEndpoints)...)
			p.AffinitySeconds = seconds
			return []backends.ServicePort{p}
		}
	}
	return []behaviour{
		{
			name: "AffinityHolds", says: "a client keeps its endpoint",
			services: sticky(20, "affinity-holds", 10800),
			observe: func(t *trial) (Outcome, error) {
				_, o, err := t.sticks(t.pod(), 20)
				return o, err
			},
			want: all(Yes),
		},
		{
			name: "AffinityPerClient", says: "each client has its own",
			services: sticky(21, "affinity-per-client", 10800),
			observe: func(t *trial) (Outcome, error) {
				used := map[netip.AddrPort]bool{}
				for i := range affinityClients {
					endpoint, o, err := t.sticks(t.localPod(t.local(100+i)), 5)
					if err != nil || o != Yes {
						return o, err
					}
					used[endpoint] = true
				}
				if len(used) == 1 {
					return "", fmt.Errorf("%d clients share one endpoint", affinityClients)
				}
				return Yes, nil
			},
			want: all(Yes),
		},
		{
			name: "AffinityExpires", says: "and loses it some time after its timeout",
			services: sticky(22, "affinity-expires", 1),
			observe: func(t *trial) (Outcome, error) {
				was, o, err := t.sticks(t.pod(), 1)
				if err != nil || o != Yes {
					return o, err
				}
				wait := 1100 * time.Millisecond
				for range expiryRounds {
					select {
					case <-time.After(wait):
					case <-t.ctx.Done():
					}
					is, o, err := t.sticks(t.pod(), 1)
					if err != nil || o != Yes || is != was {
						return o, err
					}
					wait *= 2
				}
				return "", fmt.Errorf("an affinity of 1 s outlasts %s without a packet", wait/2)
			},
			want: all(Yes),
		},
	}
}

// sticks asks n times and says which endpoint answers, always the same.
func (t *trial) sticks(from place, n int) (was netip.AddrPort, o Outcome, err error) {
	p := t.services[0]
	for i := range n {
		a, o, err := t.ask(from, p.Protocol, p.VIP())
		if err != nil || o != AsItself {
			return was, o, err
		}
		if i > 0 && a.Endpoint != was {
			return was, "", fmt.Errorf("%s was answered by %s and then by %s", from.name, was, a.Endpoint)
		}
		was = a.Endpoint
	}
	return was, Yes, nil
}
