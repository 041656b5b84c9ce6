package runner

import (
	"context"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
)

func TestNoiseIsThatOfHalves(t *testing.T) {
	// The halves {1 2 3} and {4 5 6} are 2 of 20, more than 1 in 100.
	if got := noise([]float64{4, 1, 5, 2, 6, 3}); got != 3 {
		t.Errorf("got %v, want 3", got)
	}
	if got := noise([]float64{7, 7, 7, 7, 7, 7}); got != 0 {
		t.Errorf("no noise: got %v", got)
	}
}

func TestRunCalibratesInTheWallClock(t *testing.T) {
	var runs atomic.Int64
	l := &script{clock: lab.Wall, work: func(ctx context.Context, j job, send func(event)) error {
		v := map[int64]float64{1: 150, 2: 96, 3: 97, 4: 98, 5: 102, 6: 103, 7: 104}[runs.Add(1)]
		r := results.Result{Measurement: "Sync", N: 1, Labels: labels(j.Cell), Samples: []results.Sample{{Value: v, Unit: "ns/op"}}}
		send(event{Phase: "full sync"})
		send(event{Result: &r})
		send(event{Complete: true})
		return ctx.Err()
	}}
	o := options(t, l, scenario(t, "repeat: 1\n"))
	o.Parallel, o.Calibrate, o.Progress = 1, true, func(Step) {}
	run, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Meta.Calibrations) != 1 || len(run.Meta.Machines) != 1 {
		t.Fatalf("got %+v", run.Meta)
	}
	c := run.Meta.Calibrations[0]
	if c.Runs != 6 || c.Cell != "backend=a/services=10/endpoints=3/repeat=0" || runs.Load() != 7+4 {
		t.Errorf("got %+v after %d cells", c, runs.Load())
	}
	if got := run.Meta.Floor("Sync", "ns/op"); math.Abs(got-0.06) > 1e-9 {
		t.Errorf("floor %v, want 6 %%", got)
	}
	if len(c.WarmUp) != 1 || math.Abs(c.WarmUp[0].Share-0.5) > 1e-9 {
		t.Errorf("warm-up %+v, want 50 %%", c.WarmUp)
	}
	if got := run.Results[0].Samples[0].Value; got != 0 {
		t.Errorf("a calibration's figure %v is among the run's", got)
	}
}

func TestRunSaysThatItWasNotCalibrated(t *testing.T) {
	l := &script{clock: lab.Wall, work: func(_ context.Context, j job, send func(event)) error {
		unit := map[lab.Clock]string{lab.Wall: "ns/op", lab.Virtual: "insns/op"}[j.Cell.Clock]
		send(event{Result: &results.Result{Measurement: "Sync", N: 1, Labels: labels(j.Cell), Samples: []results.Sample{{Value: 1, Unit: unit}}}})
		send(event{Complete: true})
		return nil
	}}
	run, err := Run(t.Context(), options(t, l, scenario(t, "repeat: 1\n")))
	if err != nil {
		t.Fatal(err)
	}
	if cs := run.Meta.Calibrations; len(cs) != 1 || !strings.Contains(cs[0].Skipped, "not wanted") {
		t.Errorf("got %+v", cs)
	}
	l.clock = lab.Virtual
	if run, err = Run(t.Context(), options(t, l, scenario(t, ""))); err != nil || run.Meta.Calibrations != nil || run.Meta.Machines != nil {
		t.Errorf("virtual clock: %v %+v", err, run.Meta)
	}
}
