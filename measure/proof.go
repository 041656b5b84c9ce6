package measure

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/probe"
)

// proofLimit is how many VIPs a cell proves; of more, a seeded sample.
const proofLimit = 1000

// Prove asks through every VIP of the cell, or through a seeded sample of
// proofLimit, who answers, with real packets from the client: it must be one
// of the Service's own endpoints, and it must have seen the client's own
// address. The first wrong answer is the error. No result of a cell may be
// kept unless it was proven.
func (c *Cell) Prove(ctx context.Context) error {
	var services []*backends.ServicePort
	for i := range c.State.Services {
		if s := &c.State.Services[i]; len(s.Endpoints) > 0 {
			services = append(services, s)
		}
	}
	if len(services) > proofLimit {
		draw := rand.New(rand.NewPCG(c.Seed, 0x70726f6f66))
		draw.Shuffle(len(services), func(i, j int) { services[i], services[j] = services[j], services[i] })
		services = services[:proofLimit]
	}
	return c.Topology.Client.Do(func() error {
		for _, s := range services {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.proveOne(s); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Cell) proveOne(s *backends.ServicePort) error {
	t := c.Target(s)
	answer, err := probe.Ask(t.Protocol, t.Addr, c.Timeout)
	if err != nil {
		return fmt.Errorf("wrong dataplane: Service %s does not answer: %w", s, err)
	}
	own := func(e backends.Endpoint) bool { return e.Addr == answer.Endpoint }
	if !slices.ContainsFunc(s.Endpoints, own) {
		return fmt.Errorf("wrong dataplane: Service %s (%s) was answered by %s, which is none of its %d endpoints (%s, …)",
			s, t.Addr, answer.Endpoint, len(s.Endpoints), s.Endpoints[0].Addr)
	}
	client := c.State.Node.PodCIDR(backends.IPv4).Addr().Next().Next()
	if answer.Client.Addr() != client {
		return fmt.Errorf("wrong dataplane: endpoint %s of Service %s saw client %s instead of the pod %s: it was masqueraded",
			answer.Endpoint, s, answer.Client.Addr(), client)
	}
	return nil
}
