package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm"
	"github.com/svcmark/svcmark/report/compare"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/runner"
	"github.com/svcmark/svcmark/scenarios"
)

// text is the scenario: as small as one with a sync and packets can be.
const text = `apiVersion: svcmark/v1
kind: Scenario
metadata: {name: gatetrial}
backends: [iptables-legacy]
services: {count: [100], endpoints: 1}
measure: [sync, roundTrip]
operations: 50
repeat: %d
`

// shares are the regressions that are injected into syncs.
var shares = []float64{0.01, 0.05, 0.10}

type trial struct {
	dir, lab                string
	pairs, injected, repeat int

	scenario *scenarios.Scenario
	where    lab.Lab
}

func (t *trial) run(ctx context.Context) (err error) {
	if t.scenario, err = scenarios.Parse("the trial's scenario", fmt.Appendf(nil, text, t.repeat), registry(0).Known()); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if t.where = (&lab.NetNS{Executable: exe}); t.lab == "vm" {
		if t.where, err = vm.New(ctx, vm.Options{Executable: exe}); err != nil {
			return err
		}
	}
	defer t.where.Close()
	same, found := tally{}, map[float64]tally{}
	var before *results.Run
	for i := range t.pairs + 1 {
		now, err := t.one(ctx, i, 0)
		if err != nil {
			return err
		}
		if before != nil {
			if err := same.judge("same "+strconv.Itoa(i), before, now, ""); err != nil {
				return err
			}
		}
		before = now
		for _, share := range shares {
			if i >= t.injected {
				continue
			}
			slow, err := t.one(ctx, i, share)
			if err != nil {
				return err
			}
			if found[share] == nil {
				found[share] = tally{}
			}
			if err := found[share].judge(fmt.Sprintf("%+.0f %% %d", 100*share, i), now, slow, "Sync"); err != nil {
				return err
			}
		}
	}
	fmt.Println("\nthe same:", same)
	for _, share := range shares {
		fmt.Printf("sync %+.0f %%: %v\n", 100*share, found[share])
	}
	return nil
}

// one makes a run, or reads it where it was made before.
func (t *trial) one(ctx context.Context, i int, share float64) (*results.Run, error) {
	dir := filepath.Join(t.dir, fmt.Sprintf("%03d-%s", i, formatShare(share)))
	if run, err := results.Read(dir); err == nil {
		return run, nil
	}
	if err := os.RemoveAll(dir); err != nil { // half a run of this tool's
		return nil, err
	}
	return runner.Run(ctx, runner.Options{
		Scenario: t.scenario, Registry: registry(share), Lab: t.where, Dir: dir, Parallel: 1, CellTimeout: 5 * time.Minute,
		Fingerprint: results.Fingerprint{Lab: t.lab, Clock: string(t.where.Clock()), Scenario: t.scenario.Hash(), Seed: t.scenario.Seed},
	})
}

func formatShare(share float64) string { return strconv.FormatFloat(share, 'f', -1, 64) }

// tally counts outcomes.
type tally map[string]int

// judge counts a whole comparison's outcome or, with a measurement, the verdict on its
// first unit.
func (t tally) judge(name string, old, now *results.Run, measurement string) error {
	c, err := compare.Of(compare.NewSide("old", old, ""), compare.NewSide("new", now, ""), compare.DefaultPolicy(old.Meta.Fingerprint.Clock == string(lab.Virtual)))
	if err != nil {
		return err
	}
	if measurement == "" {
		t[string(c.Outcome())]++
		fmt.Println(name+":", c.Summary())
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		if measurement != "" && r.Judged && r.Measurement == measurement {
			t[string(r.Verdict)]++
			fmt.Printf("%s: %s %+.1f %%: %s\n", name, r.Name(), 100*r.Change, r.Verdict)
		}
	}
	return nil
}
