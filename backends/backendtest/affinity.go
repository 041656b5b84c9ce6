package backendtest

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
)

const (
	affinityEndpoints = 8
	// affinityClients would all draw the same endpoint once in 8^11.
	affinityClients = 12
	// expiryRounds are the tries to see an affinity end. Eight endpoints draw the
	// same in all of them once in 8^8.
	expiryRounds = 8
	// soon is a little more than the timeout; late is more than it takes IPVS to
	// forget a connection under the affinity, and the affinity a minute later.
	soon = 1100 * time.Millisecond
	late = 90 * time.Second
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
			name: "AffinityHolds", says: "sessionAffinity ClientIP: a client keeps its endpoint",
			services: sticky(20, "affinity-holds", 10800),
			observe: func(t *trial) (Outcome, error) {
				_, o, err := t.sticks(t.pod(), 20)
				return o, err
			},
			want: all(Yes),
		},
		{
			name: "AffinityPerClient", says: "each client has its own endpoint",
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
			name: "AffinityExpires", says: "a client without connections loses its endpoint",
			services: sticky(22, "affinity-expires", 1),
			observe: func(t *trial) (Outcome, error) {
				if ended, err := t.expires(soon); ended || err != nil {
					return AtTimeout, err
				}
				if os.Getenv(lab.NodeEnv) != "vm" {
					return "", fmt.Errorf("an affinity of 1 s lasts for %d times %s", expiryRounds, soon)
				}
				// In the virtual clock waiting takes no time.
				if ended, err := t.expires(late); ended || err != nil {
					return Later, err
				}
				return "", fmt.Errorf("an affinity of 1 s lasts for %d times %s", expiryRounds, late)
			},
			want: all(AtTimeout).but(Later, IPVS),
		},
	}
}

// expires reports whether a client changes its endpoint when it waits before it
// asks again.
func (t *trial) expires(wait time.Duration) (bool, error) {
	var was netip.AddrPort
	for i := range 1 + expiryRounds {
		is, o, err := t.sticks(t.pod(), 1)
		switch {
		case err != nil:
			return false, err
		case o != Yes:
			return false, fmt.Errorf("it does not answer: %s", o)
		case i > 0 && is != was:
			return true, nil
		}
		was = is
		select {
		case <-time.After(wait):
		case <-t.ctx.Done():
			return false, t.ctx.Err()
		}
	}
	return false, nil
}

// sticks asks n times and says which endpoint answers, always the same.
func (t *trial) sticks(from place, n int) (was netip.AddrPort, o Outcome, err error) {
	p := t.services[0]
	for i := range n {
		a, o, err := t.ask(from, p.Protocol, p.VIP())
		if err != nil || o != t.asked() {
			return was, o, err
		}
		if i > 0 && a.Endpoint != was {
			return was, "", fmt.Errorf("%s was answered by %s and then by %s", from.name, was, a.Endpoint)
		}
		was = a.Endpoint
	}
	return was, Yes, nil
}
