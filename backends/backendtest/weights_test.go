package backendtest

import (
	"context"
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/scenarios"
)

const weightedScenario = `
apiVersion: svcmark/v1
kind: Scenario
metadata: {name: weighted}
services: {count: 4, endpoints: 3, protocols: {TCP: 75, UDP: 25}, weights: [1, 2, 4]}
backends: [ipvs, ipvs-wrr]
measure: [sync]
`

// TestScenarioWeights: what a scenario says of weights decides, with packets, what a
// scheduler that heeds them gives each endpoint, and nothing where it does not; and a
// change of weights alone is a change that Apply takes.
func TestScenarioWeights(t *testing.T) {
	s, err := scenarios.Parse("weighted.yaml", []byte(weightedScenario), scenarios.Known{})
	if err != nil {
		t.Fatal(err)
	}
	state := s.State(4, 3)
	top, err := lab.Build(context.WithoutCancel(t.Context()), state)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := top.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, scheduler := range []string{"wrr", "rr"} {
		t.Run(scheduler, func(t *testing.T) {
			b := ipvs.New(ipvs.Options{Scheduler: scheduler, Iptables: "iptables-legacy"})
			if !hasScheduler(t, b, scheduler) {
				return
			}
			if err := b.Sync(t.Context(), state); err != nil {
				t.Fatal(err)
			}
			asked(t, top, state, scheduler == "wrr")
			s.Services.Weights = []int{4, 1, 2}
			other := s.State(4, 3)
			s.Services.Weights = []int{1, 2, 4}
			if err := b.Apply(t.Context(), backends.Diff(state, other)); err != nil {
				t.Fatal(err)
			}
			asked(t, top, other, scheduler == "wrr")
			if err := b.Cleanup(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// asked opens as many connections to each Service as make whole rounds of either
// scheduler, and counts who answers.
func asked(t *testing.T, top *lab.Topology, state *backends.State, byWeight bool) {
	t.Helper()
	const rounds = 21 // of the weights' sum 7, and of 3 endpoints
	for i := range state.Services {
		p := &state.Services[i]
		want, got := map[netip.AddrPort]int{}, map[netip.AddrPort]int{}
		for _, e := range p.Endpoints {
			want[e.Addr] = rounds / 3
			if byWeight {
				want[e.Addr] = rounds / 7 * int(e.Weight)
			}
		}
		err := top.Client.Do(func() error {
			for range rounds {
				a, err := probe.Ask(p.Protocol, p.VIP(), 2*time.Second)
				if err != nil {
					return err
				}
				got[a.Endpoint]++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s is answered by %v, want %v", p, got, want)
		}
	}
}
