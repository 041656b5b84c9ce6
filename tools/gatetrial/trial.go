package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/runner"
	"github.com/svcmark/svcmark/scenarios"
)

// text is the scenario: as small as one with a sync and packets can be.
const text = `apiVersion: svcmark/v1
kind: Scenario
metadata: {name: gatetrial}
backends: [iptables-legacy]
network: {serviceCIDR: [%s], clusterCIDR: [%s]}
services: {count: [%d], endpoints: 1}
measure: [%s]
operations: 50
repeat: %d
`

// scenario is the trial's for a clock. The fewer figures there are, the fewer repetitions a
// noisy one takes. In the virtual clock it is packets that tell a rule, by at least six
// points: with two families there are twelve in one cell.
func scenario(c lab.Clock, repeat int) []byte {
	if c == lab.Virtual {
		return fmt.Appendf(nil, text, `10.96.0.0/12, "fd00:60::/108"`, `10.244.0.0/16, "fd00:244::/56"`, 50, "sync, firstPacket", repeat)
	}
	return fmt.Appendf(nil, text, "10.96.0.0/12", "10.244.0.0/16", 100, "sync, roundTrip", repeat)
}

// trial makes runs and judges them. No two comparisons of what is the same have a run in
// common. What is injected in the i-th comparison is compared with the second run of
// the i-th pair, so that the injections of an index share their old side.
//
// In the wall clock each side is a run with its own calibration and repetitions, and those
// of an index follow each other. In the virtual clock repetitions are what differs
// between two runs of one build (lab.Job): a side is one repetition, and no comparison is
// of the same one, in which the two sides would be the same bytes.
type trial struct {
	dir, lab                string
	pairs, injected, repeat int

	where lab.Lab
	whole map[string]*results.Run // in the virtual clock, by the injection
}

func (t *trial) run(ctx context.Context, out io.Writer) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	switch t.lab {
	case "netns":
		t.where = &lab.NetNS{Executable: exe}
	case "vm":
		if t.where, err = vm.New(ctx, vm.Options{Executable: exe}); err != nil {
			return err
		}
	default:
		return fmt.Errorf("--lab %q: want netns or vm", t.lab)
	}
	defer t.where.Close()
	t.whole = map[string]*results.Run{}
	tables := newTables(t.where.Clock())
	begin := time.Now()
	err = t.compare(ctx, tables)
	log.Printf("%s in all", time.Since(begin).Round(time.Second))
	if ctx.Err() != nil {
		log.Print("interrupted: these are the comparisons so far, and the same command goes on")
		err = nil
	}
	return errors.Join(err, tables.print(out))
}

// compare makes the runs and judges them.
func (t *trial) compare(ctx context.Context, tables *tables) error {
	for i := range max(t.pairs, t.injected) {
		var old *results.Run
		if i < t.pairs {
			var err error
			if old, err = t.side(ctx, nothing, 2*i); err != nil {
				return err
			}
		}
		now, err := t.side(ctx, nothing, 2*i+1) // never the i-th itself
		if err != nil {
			return err
		}
		if old != nil {
			if err := tables.judge(nothing, old, now); err != nil {
				return err
			}
		}
		if i >= t.injected {
			continue
		}
		for _, x := range injections(t.where.Clock()) {
			worse, err := t.side(ctx, x, i)
			if err != nil {
				return err
			}
			if err := tables.judge(x, now, worse); err != nil {
				return err
			}
		}
	}
	return nil
}

// across judges what other trials have made, each of another build of this tool: every
// build is the old side of every other, once for each thing that is injected. No side is
// of the same phase as the other.
func across(dirs []string, out io.Writer) error {
	tables := newTables(lab.Virtual)
	tables.shared = true
	read := func(dir string, x injection, i int) (*results.Run, error) {
		run, err := results.Read(filepath.Join(dir, x.name))
		if err != nil {
			return nil, err
		}
		if run.Meta.Fingerprint.Clock != string(lab.Virtual) {
			return nil, fmt.Errorf("%s is of the wall clock, where builds are not told apart", dir)
		}
		if run = repetition(run, i); len(run.Results) == 0 {
			return nil, fmt.Errorf("%s has %d repetitions of %q, want 2: make it with --injected 2 or more", dir, i, x.name)
		}
		return run, nil
	}
	for _, a := range dirs {
		old, err := read(a, nothing, 0)
		if err != nil {
			return err
		}
		for _, b := range dirs {
			for _, x := range tables.order {
				if a == b {
					continue
				}
				now, err := read(b, x, 1)
				if err != nil {
					return err
				}
				if err := tables.judge(x, old, now); err != nil {
					return err
				}
			}
		}
	}
	return tables.print(out)
}

// side is the i-th run with an injection. Those that the directory holds are read.
func (t *trial) side(ctx context.Context, x injection, i int) (*results.Run, error) {
	if t.where.Clock() == lab.Wall {
		return t.one(ctx, fmt.Sprintf("%s-%03d", x.name, i), x, t.repeat, 1)
	}
	if t.whole[x.name] == nil {
		repeat := t.injected
		if x == nothing {
			repeat = 2 * max(t.pairs, t.injected)
		}
		run, err := t.one(ctx, x.name, x, repeat, 2)
		if err != nil {
			return nil, err
		}
		t.whole[x.name] = run
	}
	return repetition(t.whole[x.name], i), nil
}

// one makes a run, or reads it where it was made before.
func (t *trial) one(ctx context.Context, name string, x injection, repeat, parallel int) (*results.Run, error) {
	dir, registry := filepath.Join(t.dir, name), x.registry()
	s, err := scenarios.Parse("the trial's scenario", scenario(t.where.Clock(), repeat), registry.Known())
	if err != nil {
		return nil, err
	}
	run, err := results.Read(dir)
	if err != nil {
		if err := os.RemoveAll(dir); err != nil { // half a run of this tool's
			return nil, err
		}
		run, err = runner.Run(ctx, runner.Options{
			Scenario: s, Registry: registry, Lab: t.where, Dir: dir, Parallel: parallel, CellTimeout: 5 * time.Minute, Calibrate: true,
			Fingerprint: results.Fingerprint{Lab: t.lab, Clock: string(t.where.Clock()), Scenario: s.Hash(), Seed: s.Seed},
		})
		if err != nil {
			return nil, err
		}
	}
	if run.Meta.Fingerprint.Scenario != s.Hash() {
		return nil, fmt.Errorf("%s is of a trial with other numbers: give another --out", dir)
	}
	for _, c := range run.Meta.Cells {
		if c.Status != results.OK {
			return nil, fmt.Errorf("%s: %s: %s", dir, c.Key(), c.Reason)
		}
	}
	return run, nil
}

// repetition is a run of one repetition of a run whose cells have all ended well.
func repetition(run *results.Run, i int) *results.Run {
	one := *run
	one.Results = nil
	seen := map[string]int{}
	for _, r := range run.Results {
		if seen[r.Name()] == i {
			one.Results = append(one.Results, r)
		}
		seen[r.Name()]++
	}
	return &one
}
