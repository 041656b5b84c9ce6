package backendtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/probe"
)

// The roles of the Services of a trace. Each has a virtual server of its own.
const (
	weighted  = "weighted"  // TCP; endpoints of different weights
	alike     = "alike"     // TCP; all weights are 1, as kube-proxy programs them
	alikeToo  = "alike-udp" // UDP; the same endpoints
	elsewhere = "elsewhere" // UDP; the same endpoints at several addresses, two ports each
)

const (
	lawEndpoints = 4
	lawSources   = 6 // client addresses
	lawAddresses = 8 // of elsewhere
)

// lawWeights are those of the weighted endpoints in the state's order. No two are
// equal, their divisor is 1, and neither end is the greatest.
var lawWeights = [lawEndpoints]uint16{2, 1, 4, 3}

// step is one thing that clients do: they open a connection to a Service, or
// close one that it has.
type step struct {
	role   string
	number int // which of elsewhere
	source netip.AddrPort
	closes bool
	which  int // of those that are open, the oldest is 0
}

// script is what clients do, the same with every scheduler: opening and closing
// in an order that makes each law choose otherwise than the others
// (TestScriptTellsLawsApart).
// Its source ports are the 300 from port on: conntrack mixes connections up that
// have one source and one endpoint, through whichever VIPs.
func script(a addresses, port uint16) []step {
	draw := rand.New(rand.NewPCG(1, 2))
	source := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(a.local(100+i%lawSources).Addr.Addr(), port+uint16(i/lawSources))
	}
	var steps []step
	churn := func(role string, n, most int, source func(int) netip.AddrPort) {
		open := 0
		for i := 0; i < n; {
			if open > most || open > 3 && draw.IntN(3) == 0 {
				steps = append(steps, step{role: role, closes: true, which: draw.IntN(open)})
				open--
				continue
			}
			steps = append(steps, step{role: role, source: source(i)})
			open++
			i++
		}
	}
	churn(weighted, 48, 18, source)
	churn(alike, 24, 12, func(i int) netip.AddrPort { return source(100*lawSources + i) })
	// The same sources as of alike, in another order and over another protocol.
	for _, i := range draw.Perm(24) {
		steps = append(steps, step{role: alikeToo, source: source(100*lawSources + i)})
	}
	for i := range 2 * lawAddresses {
		steps = append(steps, step{role: elsewhere, number: i, source: source(200*lawSources + 5*i)})
	}
	return steps
}

// played is a step that was taken, with the real server that it met: its place in
// the kernel's order, or none when nobody answered.
type played struct {
	step
	met int
}

// trace is what a scheduler made of the script.
type trace []played

// lawService is a Service of a trace.
func lawService(a addresses, base int, scheduler, role string, number int) backends.ServicePort {
	n, proto, first := base, backends.TCP, 0
	switch role {
	case alike:
		n, first = base+1, lawEndpoints
	case alikeToo:
		n, proto, first = base+1, backends.UDP, lawEndpoints
	case elsewhere:
		n, proto, first = base+2+number/2, backends.UDP, lawEndpoints
	}
	p := a.service(n, fmt.Sprintf("%s-%s-%d", scheduler, role, number), proto)
	if role == elsewhere {
		p.Port = uint16(80 + number%2)
	}
	for i := range lawEndpoints {
		p.Endpoints = append(p.Endpoints, a.remote(first+i))
	}
	backends.SortEndpoints(p.Endpoints)
	if role == weighted {
		for i, w := range lawWeights {
			p.Endpoints[i].Weight = w
		}
	}
	return p
}

// lawServices are all of them.
func lawServices(a addresses, base int, scheduler string) []backends.ServicePort {
	list := []backends.ServicePort{
		lawService(a, base, scheduler, weighted, 0), lawService(a, base, scheduler, alike, 0), lawService(a, base, scheduler, alikeToo, 0),
	}
	for i := range 2 * lawAddresses {
		list = append(list, lawService(a, base, scheduler, elsewhere, i))
	}
	return list
}

// servers are a Service's real servers in the kernel's order: the one that was
// added last is the first.
func servers(role string) []server {
	all := make([]server, lawEndpoints)
	for i := range all {
		all[lawEndpoints-1-i].weight = 1
		if role == weighted {
			all[lawEndpoints-1-i].weight = int(lawWeights[i])
		}
	}
	return all
}

// placeOf is where the kernel has an endpoint of a Service.
func placeOf(p *backends.ServicePort, e netip.AddrPort) (int, error) {
	i := slices.IndexFunc(p.Endpoints, func(own backends.Endpoint) bool { return own.Addr == e })
	if i < 0 {
		return none, fmt.Errorf("%s is answered by %s, which is none of its endpoints", p, e)
	}
	return len(p.Endpoints) - 1 - i, nil
}

// connections are those that a trace has left open, by role, the oldest first.
type connections map[string][]*connection

type connection struct {
	flow *probe.Flow // nil when nobody answered
	met  int
}

func (c *connection) close() {
	if c.flow != nil {
		c.flow.Close()
	}
}

func (c connections) close() {
	for role, open := range c {
		for _, f := range open {
			f.close()
		}
		delete(c, role)
	}
}

// play takes the steps from the pods beside the client.
func (t *trial) play(steps []step, service func(step) *backends.ServicePort) (tr trace, open connections, err error) {
	open = connections{}
	err = t.topology.Pods.Do(func() error {
		for _, s := range steps {
			if err := t.ctx.Err(); err != nil {
				return err
			}
			if s.closes {
				c := open[s.role][s.which]
				open[s.role] = slices.Delete(open[s.role], s.which, s.which+1)
				c.close()
				tr = append(tr, played{s, c.met})
				continue
			}
			c, err := t.connect(service(s), s.source)
			if err != nil {
				return err
			}
			open[s.role] = append(open[s.role], c)
			tr = append(tr, played{s, c.met})
		}
		return nil
	})
	return tr, open, err
}

// connect opens a connection and asks through it who has it.
func (t *trial) connect(p *backends.ServicePort, source netip.AddrPort) (*connection, error) {
	f, err := probe.OpenFlowFrom(source, p.Protocol, p.VIP(), silence)
	if err == nil {
		var answer probe.Answer
		if answer, err = f.Ask(); err == nil {
			// conntrack changes the port when the same source reaches an endpoint
			// through two VIPs.
			if answer.Client.Addr() != source.Addr() {
				err = fmt.Errorf("%s: %s saw %s as %s", p, answer.Endpoint, source, answer.Client)
			}
			at, wrong := placeOf(p, answer.Endpoint)
			return &connection{f, at}, errors.Join(err, wrong)
		}
		f.Close()
	}
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ETIMEDOUT) {
		return &connection{met: none}, nil
	}
	return nil, err
}

// replay tells where a trace leaves a law, for Services of a role; "" is all of
// them.
func (tr trace) replay(law func([]server) chooser, role string) error {
	type virtual struct {
		choose chooser
		all    []server
	}
	at := map[step]*virtual{}
	for i, p := range tr {
		if role != "" && p.role != role {
			continue
		}
		key := step{role: p.role, number: p.number}
		v := at[key]
		if v == nil {
			v = &virtual{all: servers(p.role)}
			v.choose = law(v.all)
			at[key] = v
		}
		if p.closes {
			if p.met != none {
				v.all[p.met].closed()
			}
			continue
		}
		if want := v.choose(v.all); want != p.met {
			return fmt.Errorf("step %d, a connection to %s: it met %d of %+v, want %d", i, p.role, p.met, v.all, want)
		}
		if p.met != none {
			v.all[p.met].opened(p.role)
		}
	}
	return nil
}
