package ipvs_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ipvs"
)

func cleanUp(t *testing.T, b *ipvs.Backend) {
	t.Helper()
	t.Cleanup(func() {
		if err := b.Cleanup(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func apply(t *testing.T, b *ipvs.Backend, from, to *backends.State) {
	t.Helper()
	if err := b.Apply(t.Context(), backends.Diff(from, to)); err != nil {
		t.Fatal(err)
	}
}

// Whatever changes are applied, one after the other, the kernel is what a Sync
// of the last state makes from empty. Random states of both families have every
// kind of Service, and share addresses, VIPs and endpoints.
func TestApplyIsSync(t *testing.T) {
	const (
		sequences = 10
		length    = 6
		ports     = 15 // of a family
	)
	fresh := func() *ipvs.Backend { return ipvs.New(ipvs.Options{Iptables: "iptables-legacy"}) }
	b := fresh()
	if !needIPVS(t, b) {
		return
	}
	ownAddresses(t)
	cleanUp(t, fresh())
	changes := 0
	for seed := range uint64(sequences) {
		c := ipvs.Chance{Rand: rand.New(rand.NewPCG(seed, 7))}
		state := c.State(ports)
		sync(t, b, state) // over the last one's
		for range length {
			to := c.Next(state, ports)
			delta := backends.Diff(state, to)
			changes += len(delta.Changes)
			if err := b.Apply(t.Context(), delta); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			state = to
		}
		if waiting, err := b.Settle(t.Context()); waiting != 0 || err != nil {
			t.Fatalf("seed %d: %d real servers without connections wait: %v", seed, waiting, err)
		}
		readBack(t, state)
		applied := addrsOrdered(dump(t, "iptables-legacy"))
		if err := b.Cleanup(t.Context()); err != nil {
			t.Fatal(err)
		}
		sync(t, fresh(), state)
		if synced := addrsOrdered(dump(t, "iptables-legacy")); synced != applied {
			t.Fatalf("seed %d: applied, and synced from empty: %s", seed, difference(applied, synced))
		}
		t.Logf("seed %d: %d changes so far", seed, changes)
	}
	if changes < sequences*length*ports/4 {
		t.Error("the random states hardly change")
	}
}

// difference is the lines that only one of two texts has.
func difference(a, b string) string {
	var out strings.Builder
	for _, d := range []struct{ sign, a, b string }{{"-", a, b}, {"+", b, a}} {
		other := map[string]bool{}
		for line := range strings.Lines(d.b) {
			other[line] = true
		}
		for line := range strings.Lines(d.a) {
			if !other[line] {
				out.WriteString("\n" + d.sign + line)
			}
		}
	}
	return out.String() + "\nor the order of lines"
}

// Apply refuses what it cannot do right, and what went wrong before.
func TestApplyRefuses(t *testing.T) {
	b := ipvs.New(ipvs.Options{Iptables: "iptables-legacy"})
	if !needIPVS(t, b) {
		return
	}
	ownAddresses(t)
	cleanUp(t, b)
	was := ipvs.EveryService()
	now := ipvs.EveryService()
	now.Services = now.Services[1:]
	refused := func(from, to *backends.State, want string) {
		t.Helper()
		if err := b.Apply(t.Context(), backends.Diff(from, to)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Apply: %v, want %q", err, want)
		}
	}
	refused(was, now, "nothing was synced before")
	sync(t, b, was)
	moved := ipvs.EveryService()
	moved.Node.Addrs = moved.Node.Addrs[:1]
	refused(was, moved, "the node changed")
	wrong := ipvs.EveryService()
	wrong.Services[0].Namespace = "a\nb"
	refused(was, wrong, "not a DNS label")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Apply(ctx, backends.Diff(was, now)); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply with a context that has ended: %v", err)
	}
	// None of these changed anything.
	apply(t, b, was, now)
	readBack(t, now)
	// From a state that it never was in; only Sync helps after that.
	refused(was, now, "does not lead from the last state")
	refused(now, was, "nothing was synced before")
	sync(t, b, was)
	readBack(t, was)
}

// A change of the path KubeProxy is a whole sync.
func TestApplyStepwise(t *testing.T) {
	b := ipvs.New(ipvs.Options{Path: ipvs.KubeProxy, Iptables: "iptables-legacy"})
	if !needIPVS(t, b) {
		return
	}
	ownAddresses(t)
	cleanUp(t, b)
	c := ipvs.Chance{Rand: rand.New(rand.NewPCG(3, 3))}
	state := c.State(5)
	sync(t, b, state)
	to := c.Next(state, 5)
	apply(t, b, state, to)
	readBack(t, to)
}

// The native tools take what Render writes, and make of it what Sync makes.
func TestRender(t *testing.T) {
	b := ipvs.New(ipvs.Options{Iptables: "iptables-legacy"})
	if !needIPVS(t, b) {
		return
	}
	ownAddresses(t)
	cleanUp(t, b)
	sync(t, b, &backends.State{Node: ipvs.NodeOfBoth()}) // the sysctls
	six := ipvs.EveryService()
	six.Node.Addrs, six.Node.ClusterCIDRs = six.Node.Addrs[1:], nil
	// IPv4 is programmed there too. The lab's node has an address of it, which
	// would serve the node ports of IPv4.
	six.Services = slices.DeleteFunc(six.Services, func(p backends.ServicePort) bool { return p.ClusterIP.Is4() })
	for name, state := range map[string]*backends.State{"both": ipvs.EveryService(), "IPv6": six, "empty": {Node: ipvs.NodeOfBoth()}} {
		// Node ports are rendered for the state's addresses.
		state.Node.Addrs = append(state.Node.Addrs, netip.MustParseAddr("192.168.7.1"), netip.MustParseAddr("fd99:7::1"))
		if name == "IPv6" {
			state.Node.Addrs = []netip.Addr{state.Node.Addrs[0], netip.MustParseAddr("fd99:7::1")}
		}
		if err := b.Cleanup(t.Context()); err != nil {
			t.Fatal(err)
		}
		parts, err := b.Render(state)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			var input strings.Builder
			if err := p.Write(&input); err != nil {
				t.Fatal(err)
			}
			feed(t, input.String(), p.Command...)
		}
		rendered := addrsOrdered(dump(t, "iptables-legacy"))
		if err := b.Cleanup(t.Context()); err != nil {
			t.Fatal(err)
		}
		sync(t, b, state)
		if synced := addrsOrdered(dump(t, "iptables-legacy")); synced != rendered {
			t.Errorf("%s: rendered, and synced: %s", name, difference(rendered, synced))
		}
	}
}
