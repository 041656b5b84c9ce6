package backendtest

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/probe"
)

const (
	// patience is for what must answer: only a failure takes so long.
	patience = 5 * time.Second
	// impatience is for what must not answer. Too short hides an answer, so
	// it is far above what an answer takes.
	impatience = 100 * time.Millisecond
	// tries bound the search for every endpoint. Four endpoints that are
	// picked at random all appear within it but for one time in 10^24.
	tries = 200
)

// host runs a function somewhere in the topology.
type host func(fn func() error) error

func (s *suite) client() host { return s.topology.Client.Do }

// onNode runs it on the node itself, whose namespace is the process's own.
func onNode(fn func() error) error { return fn() }

// ask asks a ServicePort at one of its addresses.
func ask(p *backends.ServicePort, to netip.AddrPort, timeout time.Duration) (probe.Answer, error) {
	return probe.Ask(p.Protocol, to, timeout)
}

// target is where clients of b dial p.
func target(b backends.Backend, p *backends.ServicePort) netip.AddrPort {
	if d, ok := b.(dialed); ok {
		return d.Target(p)
	}
	return p.VIP()
}

// wanted are the endpoints that clients of b must reach: all, or the one that
// a dialed backend picks.
func wanted(b backends.Backend, p *backends.ServicePort) map[netip.AddrPort]bool {
	if d, ok := b.(dialed); ok {
		return map[netip.AddrPort]bool{d.Target(p): true}
	}
	to := map[netip.AddrPort]bool{}
	for _, e := range p.Endpoints {
		to[e.Addr] = true
	}
	return to
}

// served checks that packets from a host whose address is source reach every
// endpoint of each ServicePort, no other, and with that source address.
func served(t *testing.T, b backends.Backend, state *backends.State, from host, source netip.Addr) {
	t.Helper()
	for i := range state.Services {
		p := &state.Services[i]
		if len(p.Endpoints) == 0 {
			continue
		}
		if err := from(func() error { return reachesAll(b, p, source) }); err != nil {
			t.Errorf("%s over %s: %v", p, p.Protocol, err)
		}
	}
}

func reachesAll(b backends.Backend, p *backends.ServicePort, source netip.Addr) error {
	own, unseen := wanted(b, p), wanted(b, p)
	for range tries {
		a, err := ask(p, target(b, p), patience)
		if err != nil {
			return err
		}
		if !own[a.Endpoint] {
			return fmt.Errorf("answered by %s, which is none of its endpoints", a.Endpoint)
		}
		if a.Client.Addr() != source {
			return fmt.Errorf("endpoint %s saw the client as %s, want %s", a.Endpoint, a.Client.Addr(), source)
		}
		delete(unseen, a.Endpoint)
		if len(unseen) == 0 {
			return nil
		}
	}
	return fmt.Errorf("%d tries never reached %v", tries, unseen)
}

// unserved checks that nothing answers at the VIPs.
func unserved(t *testing.T, services []backends.ServicePort, from host) {
	t.Helper()
	for i := range services {
		p := &services[i]
		err := from(func() error {
			a, err := ask(p, p.VIP(), impatience)
			if err == nil {
				return fmt.Errorf("%s still answers at its VIP", a.Endpoint)
			}
			return notAnErrno(err)
		})
		if err != nil {
			t.Errorf("%s over %s: %v", p, p.Protocol, err)
		}
	}
}

// notAnErrno keeps an error that does not come from the network.
func notAnErrno(err error) error {
	if errno := unix.Errno(0); errors.As(err, &errno) {
		return nil
	}
	return err
}

// refused checks that the VIPs of ServicePorts without endpoints refuse.
func refused(t *testing.T, state *backends.State, from host) {
	t.Helper()
	for i := range state.Services {
		p := &state.Services[i]
		if len(p.Endpoints) > 0 {
			continue
		}
		err := from(func() error {
			_, err := ask(p, p.VIP(), patience)
			return err
		})
		// EPERM is what a process on the node itself gets for a UDP packet that
		// its own OUTPUT chain rejects.
		if !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EPERM) {
			t.Errorf("%s over %s has no endpoints: %v, want a refusal", p, p.Protocol, err)
		}
	}
}

// clientAddr is what endpoints see the client pod as: its own address, or the node's
// when that asks in its stead.
func (s *suite) clientAddr() netip.Addr {
	n := node()
	if isProxied(s.fresh()) {
		return n.Addrs[0]
	}
	return n.PodCIDR(backends.IPv4).Addr().Next().Next()
}
