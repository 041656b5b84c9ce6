package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/scenarios"
)

// operationTimeout is how long one probe waits before it counts as lost: more
// than the kernel's first retransmission of a SYN, so that a dropped one shows
// as slow and a dead VIP as lost.
const operationTimeout = 2 * time.Second

// Work is a worker: it reads its job from in, does it on the node that this
// process is, and writes events to out. An error means that the job itself
// could not be understood or reported; what goes wrong in a cell is an event.
func Work(ctx context.Context, in io.Reader, out io.Writer, reg Registry) error {
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	e := &encoder{out: out}
	switch {
	case j.Cell != nil:
		if err := workCell(ctx, j.Cell, e, reg); err != nil {
			e.send(event{Failed: err.Error()})
		}
	default:
		for _, name := range j.Probe {
			e.send(event{Probed: probe(ctx, name, j.Programs, reg)})
		}
	}
	e.send(event{Complete: true})
	return e.err
}

func probe(ctx context.Context, name string, defined []scenarios.Program, reg Registry) *probed {
	p := &probed{Backend: name}
	backend, err := reg.backend(name, defined)
	if err == nil {
		err = backend.Probe(ctx)
	}
	var missing *backends.NotSupportedError
	switch {
	case err == nil:
	case errors.As(err, &missing):
		p.Missing = &Missing{Feature: missing.Feature, Kernel: missing.Kernel, Mend: missing.Mend}
		if missing.Err != nil {
			p.Missing.Detail = missing.Err.Error()
		}
	default:
		p.Missing = &Missing{Feature: "what " + name + " needs", Detail: err.Error()}
	}
	return p
}

// workCell measures one cell. No result leaves it before the dataplane that
// gave it was proven correct: the sync is timed first, because only the first
// one starts from empty, but its figures wait for the proof.
func workCell(ctx context.Context, j *cellJob, e *encoder, reg Registry) (err error) {
	text, err := j.scenario()
	if err != nil {
		return fmt.Errorf("unpacking the job's scenario: %w", err)
	}
	scenario, err := scenarios.Parse("the job's scenario", text, reg.Known())
	if err != nil {
		return err
	}
	e.send(event{Phase: "building the lab"})
	state, err := scenarios.Place(scenario.State(j.Services, j.Endpoints))
	if err != nil {
		return err
	}
	topology, err := lab.Build(ctx, state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, topology.Close()) }()

	fresh := func() (backends.Backend, error) { return reg.backend(j.Backend, scenario.Programs) }
	backend, err := fresh()
	if err != nil {
		return err
	}
	cell := &measure.Cell{
		Labels:  labels(j),
		Backend: backend, Fresh: fresh, State: state, Topology: topology,
		Clock: j.Clock, Seed: scenario.Seed, Operations: scenario.Operations, Timeout: operationTimeout,
		Traffic: measure.Traffic(scenario.Traffic), Churn: measure.ChurnPlan(scenario.Churn),
		Step: func(what string) { e.send(event{Phase: what}) },
	}
	measurements := reg.order(scenario.Measure)
	// What a backend holds outside of the lab's namespaces does not end with them.
	defer func() {
		if h, ok := cell.Backend.(io.Closer); ok {
			err = errors.Join(err, h.Close())
		}
	}()
	e.send(event{Phase: "measuring the lab without Services"})
	for _, name := range measurements {
		if m, ok := reg.Measurements[name].(measure.Controlled); ok {
			if err := m.Control(ctx, cell); err != nil {
				return err
			}
		}
	}
	e.send(event{Phase: "full sync"})
	if err := cell.Program(ctx); err != nil {
		return err
	}
	e.send(event{Phase: "proving the dataplane correct"})
	if err := cell.Prove(ctx); err != nil {
		return err
	}
	for _, name := range measurements {
		e.send(event{Phase: name})
		var taken []results.Result
		err := reg.Measurements[name].Measure(ctx, cell, func(r results.Result) { taken = append(taken, r) })
		if err == nil {
			err = cell.Alive()
		}
		if errors.Is(err, measure.ErrNotApplicable) {
			e.send(event{NA: &results.NA{Measurement: name, Reason: err.Error()}})
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, r := range taken {
			e.send(event{Result: &r})
		}
	}
	return nil
}

// order puts measurements that leave nothing to measure last.
func (r Registry) order(names []string) []string {
	final := func(name string) int {
		if _, ok := r.Measurements[name].(measure.Final); ok {
			return 1
		}
		return 0
	}
	return slices.SortedStableFunc(slices.Values(names), func(a, b string) int { return final(a) - final(b) })
}

func labels(j *cellJob) []results.Label {
	return cell{point: scenarios.Point{Backend: j.Backend, Services: j.Services, Endpoints: j.Endpoints}}.labels()
}
