package scenarios_test

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/scenarios"
	"github.com/svcmark/svcmark/scenarios/scenariotest"
)

// What the generator makes is in its place.
func TestPlaceLeavesGenerated(t *testing.T) {
	s, err := scenarios.Load("quick", scenarios.Known{})
	if err != nil {
		t.Fatal(err)
	}
	state := s.State(100, 3)
	if placed, err := scenarios.Place(state); err != nil || placed != state {
		t.Errorf("got %p, want %p: %v", placed, state, err)
	}
}

// A listed cluster's endpoints move to where the lab has them, one to one, and
// nothing else changes.
func TestPlaceMovesListed(t *testing.T) {
	node := scenariotest.Node()
	node.ClusterCIDRs = []netip.Prefix{netip.MustParsePrefix("10.160.0.0/24")} // no room for quarters, and none in IPv6
	state := scenarios.Expand(node, scenariotest.Services(rand.New(rand.NewPCG(5, 5)), 300))
	before := scenarios.Expand(node, scenariotest.Services(rand.New(rand.NewPCG(5, 5)), 300))
	placed, err := scenarios.Place(state)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(state, before) {
		t.Error("the State that came in was changed")
	}
	if err := placed.Check(); err != nil {
		t.Fatal(err)
	}
	if again, err := scenarios.Place(placed); err != nil || again != placed {
		t.Errorf("what was placed moves again: %v", err)
	}
	for i := range state.Services {
		was, is := &state.Services[i], &placed.Services[i]
		if was.Key() != is.Key() || was.ClusterIP != is.ClusterIP || !reflect.DeepEqual(was.ExternalIPs, is.ExternalIPs) || len(was.Endpoints) != len(is.Endpoints) {
			t.Fatalf("got %+v\nof  %+v", is, was)
		}
		ready := func(p *backends.ServicePort) (n [3]int) {
			for _, e := range p.Endpoints {
				if e.Ready() {
					n[0]++
				}
				if e.Local {
					n[1]++
				}
				if e.Hints != nil {
					n[2]++
				}
			}
			return n
		}
		if ready(was) != ready(is) {
			t.Errorf("%s: %v endpoints are ready, local and hinted, were %v", is, ready(is), ready(was))
		}
		hosts, pods := placed.Node.EndpointHostCIDRs(is.Family()), placed.Node.PodCIDR(is.Family())
		for _, e := range is.Endpoints {
			if a := e.Addr.Addr(); e.Local != pods.Contains(a) || e.Local == (hosts[0].Contains(a) || hosts[1].Contains(a)) {
				t.Fatalf("%s has the endpoint %s, local: %v", is, e.Addr, e.Local)
			}
		}
	}
}

// A node with more pods than the lab has room for is an error, and no panic.
func TestPlaceRefusesTooManyLocal(t *testing.T) {
	p := backends.ServicePort{Namespace: "a", Name: "b", Protocol: "TCP", Port: 80, ClusterIP: netip.MustParseAddr("10.96.0.1")}
	for i := range 300 {
		a := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: netip.AddrPortFrom(a, 80), Local: true})
	}
	backends.SortEndpoints(p.Endpoints)
	node := scenariotest.Node()
	if _, err := scenarios.Place(&backends.State{Node: node, Services: []backends.ServicePort{p}}); err == nil || err.Error() != "the node has more than 250 pods behind Services; the lab has room for no more: take another node, or the cluster fewer times" {
		t.Errorf("got %v", err)
	}
}
