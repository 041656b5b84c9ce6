package iptables

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// Names that are taken over from the ruleset before are those that would have
// been made, whatever happened to the Services in between.
func TestNamesAreReused(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 3))
	state := uniform(60, 3)
	var s space
	reused := 0
	for round := range 200 {
		next := &backends.State{Node: state.Node, Services: slices.Clone(state.Services)}
		for range random.IntN(4) {
			at := random.IntN(len(next.Services))
			p := &next.Services[at]
			switch random.IntN(5) {
			case 0:
				next.Services = slices.Delete(next.Services, at, min(at+random.IntN(20), len(next.Services)))
			case 1:
				next.Services = slices.Insert(next.Services, at, uniform(60, 3).Services[random.IntN(60)])
			case 2:
				p.Endpoints = p.Endpoints[:random.IntN(len(p.Endpoints)+1)]
			case 3:
				p.Name = "other"
			case 4:
				p.Protocol = backends.UDP
			}
			if len(next.Services) < 20 {
				next = uniform(60, 3)
			}
		}
		partial := func(p *backends.ServicePort) bool { return p.Port%2 == 0 }
		if round%3 == 0 {
			partial = nil
		}
		all := random.IntN(2) == 0
		warm := newRuleset(backends.IPv4, next, s, partial, all)
		cold := newRuleset(backends.IPv4, next, space{}, partial, all)
		var a, b bytes.Buffer
		if err := warm.write(&a); err != nil {
			t.Fatal(err)
		}
		if err := cold.write(&b); err != nil {
			t.Fatal(err)
		}
		if a.String() != b.String() {
			t.Fatalf("round %d: over another ruleset\n%s\nfrom nothing\n%s", round, a.String(), b.String())
		}
		for i := range warm.ports {
			for j := range warm.last {
				if n, m := warm.ports[i].names, warm.last[j].names; len(n) > 0 && len(m) > 0 && &n[0] == &m[0] {
					reused++
				}
			}
		}
		s, state = warm.space, next
	}
	if reused < 200*20 {
		t.Errorf("%d names were taken over in 200 rounds: the test shows nothing", reused)
	}
}
