package backendtest_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
)

// TestIPTablesApply holds partial syncs to their promise: after any sequence of
// deltas, and what Settle deletes, the kernel is what a full sync of the last
// state makes of an empty one.
func TestIPTablesApply(t *testing.T) {
	both := backends.Families()
	for _, v := range []iptables.Variant{iptables.Legacy, iptables.NFT} {
		for i, families := range [][]backends.Family{both[:1], both[1:], both, both, both} {
			seed := uint64(i)
			t.Run(fmt.Sprintf("%s/%d", v, seed), func(t *testing.T) {
				c := newCluster(seed, families...)
				c.change(12)
				b := iptables.New(v)
				defer cleanUp(t, b)
				state := c.state()
				syncs(t, b, state)
				for range 4 {
					for range 3 {
						c.change(3)
						state = applies(t, b, state, c.state())
					}
					equalsSync(t, v, b, state)
				}
			})
		}
	}
}

// The comments and the deletion of stale chains depend on how many endpoints
// there are.
func TestIPTablesApplyPassesLargeCluster(t *testing.T) {
	for _, v := range []iptables.Variant{iptables.Legacy, iptables.NFT} {
		t.Run(string(v), func(t *testing.T) {
			c := newCluster(7, backends.IPv4)
			c.change(6)
			many := uniform(1).Services
			b := iptables.New(v)
			defer cleanUp(t, b)
			state := c.state()
			syncs(t, b, state)
			for _, endpoints := range []int{995, 1005, 1006, 900, 1000, 1001} {
				many[0].Endpoints = endpointsFrom(netip.MustParseAddr("10.192.0.0"), endpoints)
				c.services["many"] = append(many[:0:0], many...)
				c.change(2)
				state = applies(t, b, state, c.state())
				equalsSync(t, v, b, state)
			}
		})
	}
}

// In a large cluster the chains of what is gone stay until Settle.
func TestIPTablesSettle(t *testing.T) {
	for _, v := range []iptables.Variant{iptables.Legacy, iptables.NFT} {
		t.Run(string(v), func(t *testing.T) {
			b := iptables.New(v)
			defer cleanUp(t, b)
			state := uniform(340) // 1,020 endpoints
			syncs(t, b, state)
			was := objectsOf(t, b)
			after := *state
			after.Services = state.Services[:339]
			if err := b.Apply(t.Context(), backends.Diff(state, &after)); err != nil {
				t.Fatal(err)
			}
			if is := objectsOf(t, b); is["chains"] != was["chains"] || is["rules"] != was["rules"]-1 {
				// Its own chains are as they were; only what led to them is gone.
				t.Errorf("before %v, after Apply %v: want one rule less", was, is)
			}
			for range 2 {
				if waiting, err := b.Settle(t.Context()); err != nil || waiting != 0 {
					t.Fatalf("Settle: %d wait, error %v", waiting, err)
				}
				if is := objectsOf(t, b); is["chains"] != was["chains"]-4 || is["rules"] != was["rules"]-11 {
					t.Errorf("before %v, after Settle %v: want 4 chains and 11 rules less", was, is)
				}
			}
			equalsSync(t, v, b, &after)
		})
	}
}

// A partial sync writes the chains of the Services that changed, with all their
// ports, and leaves those of others as they are, even if they are wrong.
func TestIPTablesApplyIsPartial(t *testing.T) {
	for _, v := range []iptables.Variant{iptables.Legacy, iptables.NFT} {
		t.Run(string(v), func(t *testing.T) {
			b := iptables.New(v)
			defer cleanUp(t, b)
			from, to := goldenState(), goldenState()
			for _, s := range []*backends.State{from, to} {
				// A second port of dns, which does not change.
				p := s.Services[0]
				p.Protocol, p.PortName = backends.TCP, "dns-tcp"
				s.Services = append(s.Services, p)
			}
			to.Services[0].Endpoints = to.Services[2].Endpoints[:1]
			syncs(t, b, from)
			// Somebody puts a rule into each KUBE-SVC chain of IPv4.
			chains := map[string]bool{}
			for line := range strings.Lines(saved(t, v)) {
				if chain, is := strings.CutPrefix(line, ":KUBE-SVC-"); is {
					chains[strings.Fields(chain)[0]] = true
				}
			}
			var rules strings.Builder
			rules.WriteString("*nat\n")
			for chain := range chains {
				fmt.Fprintf(&rules, "-A KUBE-SVC-%s -s 192.0.2.77 -j RETURN\n", chain)
			}
			rules.WriteString("COMMIT\n")
			if _, err := run(t.Context(), rules.String(), string(v)+"-restore", "--noflush"); err != nil {
				t.Fatal(err)
			}
			if err := b.Apply(t.Context(), backends.Diff(from, to)); err != nil {
				t.Fatal(err)
			}
			is := saved(t, v)
			if left := strings.Count(is, "-s 192.0.2.77/32 -j RETURN\n"); left != len(chains)-2 || !strings.Contains(is, "-A KUBE-SVC-XPGD46QRK7WJZT7O -s 192.0.2.77/32 -j RETURN\n") {
				t.Errorf("%d of %d rules of somebody else are left, want all but those of the two ports of the Service that changed:\n%s", left, len(chains), is)
			}
		})
	}
}

func TestIPTablesApplyRefuses(t *testing.T) {
	b := iptables.New(iptables.Legacy)
	defer cleanUp(t, b)
	state := goldenState()
	other := goldenState()
	other.Services = other.Services[1:]
	elsewhere := *other
	elsewhere.Node.Zone = "elsewhere"
	bad := goldenState()
	bad.Services[0].Name = `a"b`
	for name, c := range map[string]struct {
		synced *backends.State
		delta  *backends.Delta
	}{
		"without a Sync before": {nil, backends.Diff(state, other)},
		"from another state":    {other, backends.Diff(state, other)},
		"to another node":       {state, backends.Diff(state, &elsewhere)},
		"to a hostile name":     {state, backends.Diff(state, bad)},
	} {
		cleanUp(t, b)
		if c.synced != nil {
			syncs(t, b, c.synced)
		}
		was := saved(t, iptables.Legacy)
		if err := b.Apply(t.Context(), c.delta); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if saved(t, iptables.Legacy) != was {
			t.Errorf("%s: the kernel was changed", name)
		}
	}
}

func syncs(t *testing.T, b *iptables.Backend, state *backends.State) {
	t.Helper()
	if err := b.Sync(t.Context(), state); err != nil {
		t.Fatal(err)
	}
}

// applies leads b to a state and gives it.
func applies(t *testing.T, b *iptables.Backend, from, to *backends.State) *backends.State {
	t.Helper()
	if err := b.Apply(t.Context(), backends.Diff(from, to)); err != nil {
		var refused *iptables.RestoreError
		t.Fatalf("Apply: %v (refused by the tool: %v)", err, errors.As(err, &refused))
	}
	return to
}

// equalsSync settles b and compares the kernel with a full sync from empty. It
// leaves b synced.
func equalsSync(t *testing.T, v iptables.Variant, b *iptables.Backend, state *backends.State) {
	t.Helper()
	if _, err := b.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	is := saved(t, v)
	cleanUp(t, b)
	syncs(t, b, state)
	if want := saved(t, v); is != want {
		t.Fatalf("got\n%s\nwant\n%s\ndifference:\n%s", is, want, difference(is, want))
	}
}

// difference shows the lines that only one of two texts has.
func difference(got, want string) string {
	var b strings.Builder
	for _, side := range []struct{ sign, text, other string }{{"+ ", got, want}, {"- ", want, got}} {
		for line := range strings.Lines(side.text) {
			if !strings.Contains(side.other, line) {
				b.WriteString(side.sign + line)
			}
		}
	}
	return b.String()
}

func objectsOf(t *testing.T, b *iptables.Backend) map[string]int {
	t.Helper()
	n, err := b.Objects(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// endpointsFrom are n endpoints behind an address.
func endpointsFrom(a netip.Addr, n int) []backends.Endpoint {
	endpoints := make([]backends.Endpoint, n)
	for i := range endpoints {
		a = a.Next()
		endpoints[i].Addr = netip.AddrPortFrom(a, 8080)
	}
	backends.SortEndpoints(endpoints)
	return endpoints
}
