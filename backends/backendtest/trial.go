package backendtest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/cgroup"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
)

// silence is how long nobody must answer before a question counts as dropped: far
// longer than an answer takes.
const silence = 2 * time.Second

// trial is a behaviour in one family, with a backend that has programmed it.
type trial struct {
	addresses
	ctx      context.Context
	topology *lab.Topology
	behaviour
	proxied  bool                   // the backend is
	services []backends.ServicePort // the behaviour's own, as they are now

	flow  *probe.Flow  // that prepare opened
	first probe.Answer // what it answered
	// unserved is how the flow was not answered even before the change.
	unserved Outcome
	outcome  Outcome
	err      error
}

// place is where a client is.
type place struct {
	name string
	host host
	self netip.Addr // what it is seen as when nobody masquerades it; zero on the node
	bind bool       // it has more than one address and must say which
}

func (t *trial) pod() place { return place{"a pod", t.topology.Client.Do, t.client(), false} }

func (t *trial) theNode() place { return place{"the node", onNode, netip.Addr{}, false} }

// beyond is the outside host, from one of its addresses.
func (t *trial) beyond(n int) place {
	outside := func(fn func() error) error {
		return t.topology.Outside.Do(func() error {
			// This process is the node's: what its threads do elsewhere is not.
			if err := cgroup.Leave(); err != nil {
				return err
			}
			return fn()
		})
	}
	return place{"outside", outside, t.outside(n), true}
}

// localPod is a pod beside the client, at an endpoint's address.
func (t *trial) localPod(e backends.Endpoint) place {
	return place{"the pod " + e.Addr.Addr().String(), t.topology.Pods.Do, e.Addr.Addr(), true}
}

// ask asks, and once more when nobody answers or the kernel does not let the
// question out: one in many thousands is lost on a busy machine, also to
// conntrack, which drops a connection that it cannot enter. What a dataplane
// drops or rejects it drops and rejects again. An answer is AsItself or AsNode.
func (t *trial) ask(from place, proto backends.Protocol, to netip.AddrPort) (a probe.Answer, o Outcome, err error) {
	for range 2 {
		if err := t.ctx.Err(); err != nil {
			return a, "", err
		}
		err = from.host(func() (err error) {
			var source netip.AddrPort
			if from.bind {
				source = netip.AddrPortFrom(from.self, 0)
			}
			a, err = probe.AskFrom(source, proto, to, silence)
			return err
		})
		if !errors.Is(err, unix.ETIMEDOUT) && !errors.Is(err, unix.EPERM) {
			break
		}
	}
	where := fmt.Sprintf("%s over %s from %s", to, proto, from.name)
	switch {
	case err == nil:
	// EPERM is what a process on the node itself gets for a packet that its own
	// OUTPUT chain rejects, or conntrack drops.
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.EPERM):
		return a, Refused, nil
	case errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		return a, Dropped, nil
	// EHOSTUNREACH is the end of a packet that went to and fro between hosts none
	// of which knows where it belongs. A proxy passes on what it does not speak.
	case errors.Is(err, unix.ETIMEDOUT), errors.Is(err, unix.EHOSTUNREACH) && !t.proxied:
		return a, Silent, nil
	default:
		return a, "", fmt.Errorf("%s: %w", where, err)
	}
	switch seen := a.Client.Addr(); {
	case seen == from.self:
		return a, AsItself, nil
	case seen == t.nodeAddr(), seen == t.gateway():
		return a, AsNode, nil
	default:
		return a, "", fmt.Errorf("%s: the endpoint %s saw the client as %s, which is neither %s nor the node", where, a.Endpoint, seen, from.self)
	}
}

// least is how often a ServicePort is asked when it matters who else might answer:
// of four endpoints that are picked alike a given one stays unseen once in
// 3 x 10^7.
const least = 60

// reaches asks until each of the endpoints has answered, and often enough for any
// other of the Service to answer too, and says what all questions came to.
func (t *trial) reaches(from place, proto backends.Protocol, to netip.AddrPort, own ...backends.Endpoint) (Outcome, error) {
	where := fmt.Sprintf("%s over %s from %s", to, proto, from.name)
	unseen := map[netip.AddrPort]bool{}
	for _, e := range own {
		unseen[e.Addr] = true
	}
	enough := 0
	for _, p := range t.services {
		if slices.ContainsFunc(p.Endpoints, func(e backends.Endpoint) bool { return !unseen[e.Addr] }) {
			enough = least
		}
	}
	var first Outcome
	for i := range tries {
		a, o, err := t.ask(from, proto, to)
		if o == Silent && i > 0 {
			// One answer that is missing among others is the machine's, which its
			// hypervisor may stop for seconds. A dataplane's loss happens again.
			a, o, err = t.ask(from, proto, to)
		}
		if err != nil {
			return "", err
		}
		switch {
		case i > 0 && o != first:
			return "", fmt.Errorf("%s: %s, and before it was: %s", where, o, first)
		case o == Refused, o == Silent, o == Dropped:
			return o, nil
		case a.Endpoint == to:
			return PassedOn, nil
		case !slices.ContainsFunc(own, func(e backends.Endpoint) bool { return e.Addr == a.Endpoint }):
			return "", fmt.Errorf("%s: answered by %s, which is none of %v", where, a.Endpoint, own)
		}
		first = o
		delete(unseen, a.Endpoint)
		if len(unseen) == 0 && i+1 >= enough {
			return o, nil
		}
	}
	return "", fmt.Errorf("%s: %d tries never reached %v", where, tries, unseen)
}

// asked is how endpoints see a pod that nothing calls to masquerade.
func (t *trial) asked() Outcome {
	if t.proxied {
		return AsNode
	}
	return AsItself
}

// ready are the endpoints of a ServicePort that take traffic.
func ready(p *backends.ServicePort) []backends.Endpoint {
	return slices.DeleteFunc(slices.Clone(p.Endpoints), func(e backends.Endpoint) bool { return !e.Ready() })
}

// reachesLocal is reaches of endpoints on the node, where a policy says so. A proxy
// knows no policies: which of the ready ones answer is then the outcome.
func (t *trial) reachesLocal(from place, p *backends.ServicePort, to netip.AddrPort, own ...backends.Endpoint) (Outcome, error) {
	if t.proxied {
		return t.which(from, p.Protocol, to, ready(p))
	}
	return t.reaches(from, p.Protocol, to, own...)
}

// reachesNobody is reaches where a policy, or the want of endpoints, leaves none. A
// proxy asks whatever is ready, and has taken a packet before it finds that nothing
// is.
func (t *trial) reachesNobody(from place, p *backends.ServicePort, to netip.AddrPort) (Outcome, error) {
	if !t.proxied {
		return t.reaches(from, p.Protocol, to)
	}
	own := ready(p)
	o, err := t.reaches(from, p.Protocol, to, own...)
	if len(own) == 0 && p.Protocol == backends.UDP && o == Silent {
		o = Dropped
	}
	return o, err
}

// which asks often enough for every endpoint to answer, and says whether all of
// them do or those on the node.
func (t *trial) which(from place, proto backends.Protocol, to netip.AddrPort, own []backends.Endpoint) (Outcome, error) {
	seen := map[netip.AddrPort]bool{}
	for range least {
		a, o, err := t.ask(from, proto, to)
		if err != nil || o != AsItself && o != AsNode {
			return o, err
		}
		seen[a.Endpoint] = true
	}
	every, onNode := true, true
	for _, e := range own {
		every = every && seen[e.Addr]
		onNode = onNode && seen[e.Addr] == e.Local
		delete(seen, e.Addr)
	}
	switch {
	case len(seen) == 0 && every:
		return Every, nil
	case len(seen) == 0 && onNode:
		return OnNode, nil
	}
	return "", fmt.Errorf("%s over %s from %s: neither every endpoint answers nor those on the node", to, proto, from.name)
}

// same is an outcome that several questions must share.
func same(outcomes ...func() (Outcome, error)) (Outcome, error) {
	var first Outcome
	for i, observe := range outcomes {
		o, err := observe()
		if err != nil {
			return "", err
		}
		if i > 0 && o != first {
			return "", fmt.Errorf("%s, and otherwise: %s", o, first)
		}
		first = o
	}
	return first, nil
}

// nodeAt is a port of the node's address.
func (t *trial) nodeAt(port uint16) netip.AddrPort { return netip.AddrPortFrom(t.nodeAddr(), port) }
