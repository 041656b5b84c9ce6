package backendtest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// TestTableIsDocumented holds the page to the table; UPDATE=1 writes it anew.
func TestTableIsDocumented(t *testing.T) {
	const page = "../../docs/behaviours.md"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(page, []byte(Table()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if os.Getenv("SVCMARK_NODE") == "vm" && os.IsNotExist(err) {
		return // the guest holds no sources
	}
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != Table() {
		t.Errorf("%s is not what the table says: run this test with UPDATE=1", page)
	}
}

// Every word of the table is told, and every outcome is one that can come.
func TestTableUsesItsWords(t *testing.T) {
	used := map[Outcome]bool{}
	for _, row := range behaviours() {
		for _, c := range Columns() {
			used[row.want.of(c)] = true
		}
		for c := range row.want.except {
			if !slices.Contains(Columns(), c) {
				t.Errorf("%s has an exception for %s, which is no column", row.name, c)
			}
		}
	}
	for _, o := range outcomes() {
		if !used[o.outcome] {
			t.Errorf("%s is told and never comes", o.outcome)
		}
		delete(used, o.outcome)
	}
	for o := range used {
		t.Errorf("%s comes and is not told", o)
	}
}

// Behaviours are programmed beside each other: none may have what is another's.
func TestBehavioursDoNotMeet(t *testing.T) {
	s := standing(dualNode())
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	owner := map[string]string{}
	for _, p := range s.Services {
		ats := []string{p.VIP().String()}
		for _, a := range slices.Concat(p.ExternalIPs, p.LoadBalancerIPs) {
			ats = append(ats, netip.AddrPortFrom(a, p.Port).String())
		}
		if p.NodePort != 0 {
			ats = append(ats, fmt.Sprintf("%s:%d", p.Family(), p.NodePort))
		}
		for _, at := range ats {
			at += string(p.Protocol)
			if was, ok := owner[at]; ok {
				t.Errorf("%s is of %s and of %s", at, was, p.String())
			}
			owner[at] = p.String()
		}
	}
	names := map[string]bool{}
	for _, b := range behaviours() {
		if names[b.name] {
			t.Errorf("two behaviours are named %s", b.name)
		}
		names[b.name] = true
	}
}

func TestShares(t *testing.T) {
	endpoints := addresses{backends.IPv4, new(node())}.remotes(4)
	draw := func(pick func(i int) int) []netip.AddrPort {
		var order []netip.AddrPort
		for i := range shareAsks {
			order = append(order, endpoints[pick(i)].Addr)
		}
		return order
	}
	random := rand.New(rand.NewPCG(1, 2)).IntN
	for _, test := range []struct {
		name string
		pick func(int) int
		want Outcome
	}{
		{"in turn", func(i int) int { return i % 4 }, InTurn},
		{"in turn from the third", func(i int) int { return (i + 2) % 4 }, InTurn},
		{"at random", func(int) int { return random(4) }, AtRandom},
		{"never the fourth", func(int) int { return random(3) }, ""},
		{"the first four times as often", func(int) int { return max(0, random(7)-3) }, ""},
		{"always the first", func(int) int { return 0 }, ""},
		{"there and back", func(i int) int { return []int{0, 1, 2, 3, 3, 2, 1, 0}[i%8] }, AtRandom},
	} {
		got, err := shares(draw(test.pick), endpoints)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %q, %v; want %q", test.name, got, err, test.want)
		}
	}
	if _, err := shares([]netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:1")}, endpoints); err == nil {
		t.Error("an answer of somebody else is no mistake")
	}
}
