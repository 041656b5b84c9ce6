package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/scenarios"
)

// Options are what a run is made of.
type Options struct {
	Scenario    *scenarios.Scenario
	Registry    Registry
	Lab         lab.Lab
	Fingerprint results.Fingerprint
	Dir         string // of the run
	Resume      bool   // go on with what Dir holds
	Parallel    int    // cells at a time, at least 1
	Shard       Shard
	Missing     map[string]string // backends that the lab cannot run, with the reason: their cells are n/a
	CellTimeout time.Duration     // real time after which a cell is given up
	Calibrate   bool              // in the wall clock, find the machine's noise before the cells
	Progress    func(Step)        // called by one goroutine at a time; may be nil
}

// Step is one thing that happened in a run.
type Step struct {
	Cell        results.CellKey
	Phase       string            // what begins in the cell, "" at its end
	End         *results.CellMeta // at the cell's end
	Done, Total int               // cells
	Left        time.Duration     // estimate for the whole run
}

// Run measures every cell of the scenario and writes the run. A cell that
// fails is part of the run and not an error. An error leaves a directory that
// can be resumed.
func Run(ctx context.Context, o Options) (*results.Run, error) {
	meta := results.Meta{Fingerprint: o.Fingerprint, Scenario: string(o.Scenario.YAML()), Listed: len(o.Scenario.Services.List), Started: time.Now().UTC()}
	begin := results.Create
	if o.Resume {
		begin = results.Resume
	}
	w, err := begin(o.Dir, meta)
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Close() }() // nothing of the run is in it that is not on the disk

	cells := matrix(o.Scenario, o.Lab.Clock(), o.Shard)
	order := make([]results.CellKey, 0, len(cells))
	var todo []cell
	for _, c := range cells {
		order = append(order, c.key())
		if reason, missing := o.Missing[c.point.Backend]; missing {
			if err := addNotRun(w, c, reason); err != nil {
				return nil, err
			}
		}
		if !w.Has(c.key()) {
			todo = append(todo, c)
		}
	}
	limited, err := addLimited(w, o.Scenario)
	if err != nil {
		return nil, err
	}
	r := &run{Options: o, writer: w, total: len(cells), done: len(cells) - len(todo)}
	r.estimate = newEstimate(todo, r.Parallel)
	watched := o.Lab.Clock() == lab.Wall && len(todo) > 0
	if watched {
		if err := r.calibrate(ctx, todo); err != nil {
			return nil, err
		}
	}
	before := readMachine(os.DirFS("/"))
	if err := r.all(ctx, schedule(todo, o.Lab.Clock(), o.Scenario.Seed)); err != nil {
		return nil, err
	}
	if watched {
		m := before.until(readMachine(os.DirFS("/")))
		if err := w.Observe(func(meta *results.Meta) { meta.Machines = append(meta.Machines, m) }); err != nil {
			return nil, err
		}
	}
	if err := w.Finish(r.units(), append(order, limited...), time.Now().UTC()); err != nil {
		return nil, err
	}
	return results.Read(o.Dir)
}

// addLimited records the points that the scenario itself leaves out, so that a
// reader sees a reason instead of a gap.
func addLimited(w *results.Writer, s *scenarios.Scenario) ([]results.CellKey, error) {
	var keys []results.CellKey
	for _, p := range s.Limited() {
		c := cell{point: p}
		keys = append(keys, c.key())
		if err := addNotRun(w, c, fmt.Sprintf("the scenario limits %s to fewer Services", p.Backend)); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// addNotRun records a cell that is left out, unless a run before this has.
func addNotRun(w *results.Writer, c cell, reason string) error {
	if w.Has(c.key()) {
		return nil
	}
	return w.Add(results.Cell{Meta: results.CellMeta{Labels: c.labels(), Repeat: c.repeat, Status: results.NotRun, Reason: reason}})
}

// run is a run in progress.
type run struct {
	Options
	writer *results.Writer

	mu          sync.Mutex
	estimate    *estimate
	done, total int
}

// all runs the cells, Parallel at a time. The first error that is not a cell's
// own stops the others.
func (r *run) all(ctx context.Context, cells []cell) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan cell)
	var wg sync.WaitGroup
	for range max(1, r.Parallel) {
		wg.Go(func() {
			for c := range queue {
				if ctx.Err() != nil {
					continue // handed out while the run ended
				}
				if err := r.one(ctx, c); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, c := range cells {
		select {
		case queue <- c:
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
	return context.Cause(ctx)
}

// one runs a cell and keeps what became of it.
func (r *run) one(ctx context.Context, c cell) error {
	begin := time.Now()
	got, err := r.measure(ctx, c)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, backends.ErrNotSupported) {
		return err // of the lab: no other cell would fare better
	}
	got.Meta = results.CellMeta{
		Labels: c.labels(), Repeat: c.repeat, Status: results.OK,
		NA: got.Meta.NA, Seconds: time.Since(begin).Seconds(),
	}
	if err != nil {
		got.Meta.Status, got.Meta.Reason = results.Failed, err.Error()
	}
	if err := r.writer.Add(got); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	r.estimate.ended(c, time.Since(begin))
	r.report(Step{Cell: c.key(), End: &got.Meta})
	return nil
}

// measure runs the cell's worker and gathers its events.
func (r *run) measure(ctx context.Context, c cell) (results.Cell, error) {
	var got results.Cell
	ctx, cancel := context.WithTimeoutCause(ctx, r.CellTimeout, fmt.Errorf("the cell took longer than %s", r.CellTimeout))
	defer cancel()
	j := &cellJob{Backend: c.point.Backend, Services: c.point.Services, Endpoints: c.point.Endpoints, Clock: r.Lab.Clock()}
	if err := j.setScenario(r.Scenario.YAML()); err != nil {
		return got, err
	}
	input, err := json.Marshal(job{Cell: j})
	if err != nil {
		return got, err
	}
	var failed error
	complete := false
	err = r.Lab.Run(ctx, lab.Job{Args: r.Registry.args(), Input: input, Perturb: c.repeat}, func(line []byte) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			failed = errors.Join(failed, fmt.Errorf("the worker printed %q, which is no event: %w", line, err))
			return
		}
		switch {
		case e.Phase != "":
			r.mu.Lock()
			defer r.mu.Unlock()
			r.report(Step{Cell: c.key(), Phase: e.Phase})
		case e.Result != nil:
			got.Results = append(got.Results, *e.Result)
		case e.NA != nil:
			got.Meta.NA = append(got.Meta.NA, *e.NA)
		case e.Failed != "":
			failed = errors.Join(failed, errors.New(e.Failed))
		case e.Complete:
			complete = true
		}
	})
	err = errors.Join(failed, err)
	if err == nil && !complete {
		err = errors.New("the worker ended before it was done")
	}
	return got, err
}

// report needs r.mu.
func (r *run) report(s Step) {
	if r.Progress == nil {
		return
	}
	s.Done, s.Total, s.Left = r.done, r.total, r.estimate.remaining()
	r.Progress(s)
}

// units are those of the scenario's measurements, each once.
func (r *run) units() []results.Unit {
	var units []results.Unit
	for _, name := range r.Scenario.Measure {
		for _, u := range r.Registry.Measurements[name].Units(r.Lab.Clock()) {
			if !slices.Contains(units, u) {
				units = append(units, u)
			}
		}
	}
	return units
}
