package main

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/scenarios"
)

// Published are 0 to 11.6 % for none in 30 and 69.2 to 100 % for all in 10; 0 in n is
// 1 - 0.025^(1/n) at the upper end by the formula, and 1 in 2 is 1 - sqrt(0.975) at the lower.
func TestProportion(t *testing.T) {
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{
		{0, 30, 0, 0.1157}, {10, 10, 0.6915, 1}, {0, 10, 0, 0.3085}, {1, 30, 0.0008, 0.1722}, {1, 2, 0.0126, 0.9874}, {5, 10, 0.1871, 0.8129},
	} {
		if lo, hi := proportion(c.k, c.n); math.Abs(lo-c.lo) > 0.00006 || math.Abs(hi-c.hi) > 0.00006 {
			t.Errorf("%d of %d: [%.4f, %.4f], want [%.4f, %.4f]", c.k, c.n, lo, hi, c.lo, c.hi)
		}
	}
}

// The scenarios are ones, every injection can be given to a worker, and none is the
// same as another.
func TestInjections(t *testing.T) {
	for _, clock := range []lab.Clock{lab.Wall, lab.Virtual} {
		for _, x := range append(injections(clock), nothing) {
			found, err := injectionOf(x.name)
			if err != nil || found != x {
				t.Errorf("%s: %+v, %v", x.name, found, err)
			}
			registry := x.registry()
			if len(registry.WorkerArgs) != 1 || registry.WorkerArgs[0] != x.name {
				t.Errorf("%s: workers get %q", x.name, registry.WorkerArgs)
			}
			s, err := scenarios.Parse("s", scenario(clock, 3), registry.Known())
			if err != nil || s.Repeat != 3 {
				t.Fatal(err)
			}
		}
	}
	if _, err := injectionOf("sync2"); err == nil {
		t.Error("sync2 is no injection")
	}
	if err := execute(context.Background(), []string{"--lab", "netns"}); err == nil || !strings.Contains(err.Error(), "--out") {
		t.Errorf("without --out: %v", err)
	}
	if err := execute(context.Background(), []string{"no-trial"}); err == nil || !strings.Contains(err.Error(), "no-trial") {
		t.Errorf("judging what is not there: %v", err)
	}
}

// A repetition is every figure once, and what is worse in it is counted as found.
func TestRepetitionAndTables(t *testing.T) {
	run := &results.Run{Meta: results.Meta{Fingerprint: results.Fingerprint{Clock: string(lab.Virtual)}}, Units: []results.Unit{{Name: "insns/op", Better: results.Lower, Exact: true}}}
	for i := range 4 {
		for _, position := range []string{"first", "last"} {
			run.Results = append(run.Results, results.Result{Measurement: "Sync", N: 1,
				Labels: []results.Label{{Key: "position", Value: position}}, Samples: []results.Sample{{Value: 1e9 * (1 + 0.02*float64(i)), Unit: "insns/op"}}})
		}
	}
	second := repetition(run, 1)
	if len(second.Results) != 2 || second.Results[1].Samples[0].Value != 1.02e9 || len(run.Results) != 8 {
		t.Fatalf("%+v", second.Results)
	}
	tables := newTables(lab.Virtual)
	for i, x := range append([]injection{nothing}, injections(lab.Virtual)[0], injections(lab.Virtual)[1]) {
		if err := tables.judge(x, repetition(run, 0), repetition(run, i)); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	if err := tables.print(&b); err != nil {
		t.Fatal(err)
	}
	var shared strings.Builder
	tables.shared = true
	if err := tables.print(&shared); err != nil || !strings.Contains(shared.String(), "| nothing | 1 | 1 | 0 | 0 | 0 of 1 | +0.00 %") || strings.Contains(shared.String(), "[") {
		t.Errorf("%v: comparisons that share sides have no interval, and yet\n%s", err, shared.String())
	}
	for _, want := range []string{
		"| nothing | 1 | 1 | 0 | 0 | 0 of 1 [0.0, 97.5] | +0.00 % (+0.00 % to +0.00 %) |",
		"| sync 1 % slower | 1 | 0 | 0 | 1 | 1 of 1 [2.5, 100.0] | +2.00 % (+2.00 % to +2.00 %) |",
	} {
		if strings.Count(b.String(), want) != 2 {
			t.Errorf("want twice %s in\n%s", want, b.String())
		}
	}
}
