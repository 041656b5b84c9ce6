package plan

import (
	"math"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/results"
)

// grown is a run of a cluster of 1,200 Services, once to four times over.
func grown() *results.Run {
	run := made("virtual", "Sync", insns, []int{1200, 2400, 3600, 4800}, 1, map[string]func(n, _ float64) float64{
		"steep": line(1e6, 1e5), "flat": line(3e8, 0), "bent": line(2e9, 1e3),
	})
	run.Meta.Listed = 1200
	return run
}

// A cluster's answers are multiples of it, and reach as far as those of others.
func TestCluster(t *testing.T) {
	p := planned(t, Options{Limits: limit(t, "sync=385M")}, grown())
	got := said(t, p)
	for _, want := range []string{
		"Leave steep before 3.19 times your cluster (3,830 Services): sync reaches 385M at 3.2 times your cluster [3.19, 3.21] (3,840 Services [3,830, 3,850]).",
		"flat stays at 300.0M up to 16 times your cluster (19,200 Services).",
		"Do not take bent: sync is at 385M with your cluster as it is (1,200 Services) already.",
		"Your cluster is the 1,200 Services that the scenario lists.",
		"backend  Services ", "  your cluster ", "  not up to 16 x ", "  \u2264 1 x ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, c := range []struct {
		extrapolate bool
		state       State
		services    float64
	}{{false, NotWithin, math.NaN()}, {true, Beyond, 24000}} {
		r := planned(t, Options{Limits: limit(t, "sync=2.401G"), Extrapolate: c.extrapolate}, grown()).Answers[0].Rows[0]
		if r.State != c.state || math.Abs(r.Services-c.services) > 0.01*c.services {
			t.Errorf("extrapolate %v: %s at %v, want %s at %v", c.extrapolate, r.State, r.Services, c.state, c.services)
		}
	}
	// Runs of two clusters are multiples of neither.
	another := grown()
	another.Meta.Listed, another.Meta.Fingerprint.Scenario = 700, "another"
	if p := planned(t, Options{}, grown(), another); p.Cluster != 0 || strings.Contains(said(t, p), "your cluster") {
		t.Errorf("multiples of %d Services", p.Cluster)
	}
}

func TestTimes(t *testing.T) {
	p := &Plan{Cluster: 1200}
	for v, want := range map[float64][3]string{
		1200: {"1", "1", "1"}, 3840: {"3.2", "3.2", "3.2"}, 3847: {"3.2", "3.21", "3.21"}, 300: {"0.25", "0.25", "0.25"},
		19251: {"16", "16", "16.1"}, 1.2e6: {"1000", "1000", "1000"}, math.Inf(1): {"–", "–", "–"},
	} {
		if got := [3]string{p.times(v, -1), p.times(v, 0), p.times(v, 1)}; got != want {
			t.Errorf("%v Services are %q times the cluster, want %q", v, got, want)
		}
	}
}
