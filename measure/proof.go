package measure

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
)

const (
	// proofLimit is how many VIPs a cell proves; of more, a seeded sample.
	proofLimit = 1000
	// silenceLimit is how many of those that must not answer. Each may cost
	// silence, the whole of it.
	silenceLimit = 3
	silence      = 500 * time.Millisecond
)

// Proxied is a Backend that does not lead packets on but takes them itself and asks
// an endpoint in the client's stead.
type Proxied interface {
	// Endpoints are those that it asks for clients of p.
	Endpoints(p *backends.ServicePort) []backends.Endpoint
}

// Prove asks through every VIP of the cell, or through a seeded sample of
// proofLimit, who answers, with real packets from the client: it must be one of
// the endpoints that the node may use for the Service, and it must have seen the
// client's own address, or the node's where the backend is Proxied. Of the Services for which the node has no such endpoint
// silenceLimit are asked, and nobody may answer. The first wrong answer is the
// error. Services of a family in which the node has no address are not asked: the
// lab has none of it. No result of a cell may be kept unless it was proven.
func (c *Cell) Prove(ctx context.Context) error {
	var answering, silent []*backends.ServicePort
	for i := range c.State.Services {
		s := &c.State.Services[i]
		switch {
		case !c.State.Node.Addr(s.Family()).IsValid(): // nobody here speaks it
		case len(c.own(s)) > 0:
			answering = append(answering, s)
		default:
			silent = append(silent, s)
		}
	}
	answering = c.sample(answering, proofLimit, 0x70726f6f66)
	silent = c.sample(silent, silenceLimit, 0x73696c656e74)
	return c.Topology.Client.Do(func() error {
		for _, s := range answering {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.proveOne(s); err != nil {
				return err
			}
		}
		for _, s := range silent {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.proveSilent(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// sample draws at most n of the list by the cell's seed.
func (c *Cell) sample(list []*backends.ServicePort, n int, stream uint64) []*backends.ServicePort {
	if len(list) <= n {
		return list
	}
	draw := rand.New(rand.NewPCG(c.Seed, stream))
	draw.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:n]
}

// own are the endpoints that may answer a pod which asks a ServicePort. Who
// dials an endpoint reaches it, whatever its conditions.
func (c *Cell) own(s *backends.ServicePort) []backends.Endpoint {
	if _, ok := c.Backend.(Dialed); ok {
		return s.Endpoints
	}
	if p, ok := c.Backend.(Proxied); ok {
		return p.Endpoints(s)
	}
	return used(c.State, s)
}

// used are the endpoints that a node's dataplane leads a pod to.
func used(state *backends.State, s *backends.ServicePort) []backends.Endpoint {
	r := s.Reachable(&state.Node)
	if s.InternalLocal {
		return r.Local
	}
	return r.Cluster
}

func (c *Cell) proveOne(s *backends.ServicePort) error {
	t := c.Target(s)
	answer, err := probe.Ask(t.Protocol, t.Addr, c.Timeout)
	if err != nil {
		return fmt.Errorf("wrong dataplane: Service %s does not answer: %w", s, err)
	}
	own := c.own(s)
	if !slices.ContainsFunc(own, func(e backends.Endpoint) bool { return e.Addr == answer.Endpoint }) {
		return fmt.Errorf("wrong dataplane: Service %s (%s) was answered by %s, which is none of its %d endpoints (%s, …)",
			s, t.Addr, answer.Endpoint, len(own), own[0].Addr)
	}
	client := lab.ClientAddr(&c.State.Node, s.Family())
	seen := answer.Client.Addr()
	if _, ok := c.Backend.(Proxied); ok {
		node := &c.State.Node
		if !slices.Contains(node.Addrs, seen) && seen != lab.GatewayAddr(node, s.Family()) {
			return fmt.Errorf("wrong dataplane: endpoint %s of Service %s saw client %s, which is no address of the node's proxy", answer.Endpoint, s, seen)
		}
		return nil
	}
	if answer.Endpoint.Addr() == client && t.Addr != answer.Endpoint {
		// A pod that reaches itself must not see itself: its reply would never
		// pass the node again.
		if seen == client {
			return fmt.Errorf("wrong dataplane: endpoint %s of Service %s, the client itself, was not masqueraded", answer.Endpoint, s)
		}
		return nil
	}
	if seen != client {
		return fmt.Errorf("wrong dataplane: endpoint %s of Service %s saw client %s instead of the pod %s: it was masqueraded",
			answer.Endpoint, s, seen, client)
	}
	return nil
}

// proveSilent asks a ServicePort for which the node has no endpoint. Whether it
// refuses or drops is the backend's affair.
func (c *Cell) proveSilent(s *backends.ServicePort) error {
	t := c.Target(s)
	answer, err := probe.Ask(t.Protocol, t.Addr, min(silence, c.Timeout))
	if err == nil {
		return fmt.Errorf("wrong dataplane: Service %s (%s) was answered by %s, and the node has no endpoint for it", s, t.Addr, answer.Endpoint)
	}
	if errno := unix.Errno(0); !errors.As(err, &errno) {
		return err
	}
	return nil
}
