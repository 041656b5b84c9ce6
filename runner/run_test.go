package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/scenarios"
)

// script is a Lab whose workers are a function; only the walk around them is
// under test here.
type script struct {
	clock lab.Clock
	work  func(ctx context.Context, j job, send func(event)) error

	mu  sync.Mutex
	ran []string // cells in the order of their start
}

func (s *script) Clock() lab.Clock { return s.clock }
func (s *script) Close() error     { return nil }

func (s *script) Run(ctx context.Context, j lab.Job, line func([]byte)) error {
	var decoded job
	if err := json.Unmarshal(j.Input, &decoded); err != nil {
		return err
	}
	if c := decoded.Cell; c != nil {
		s.mu.Lock()
		s.ran = append(s.ran, fmt.Sprintf("%s/%d/%d", c.Backend, c.Services, j.Perturb))
		s.mu.Unlock()
	}
	return s.work(ctx, decoded, func(e event) {
		b, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		line(b)
	})
}

func measured(_ context.Context, j job, send func(event)) error {
	send(event{Phase: "full sync"})
	send(event{Result: &results.Result{
		Measurement: "Sync", N: 1,
		Labels:  cell{point: scenarios.Point{Backend: j.Cell.Backend, Services: j.Cell.Services, Endpoints: j.Cell.Endpoints}}.labels(),
		Samples: []results.Sample{{Value: float64(1000 * j.Cell.Services), Unit: "insns/op"}},
	}})
	send(event{Complete: true})
	return nil
}

func registryOf(names ...string) Registry {
	r := Registry{Backends: map[string]func() backends.Backend{}, Measurements: map[string]measure.Measurement{"sync": measure.Sync{}}}
	for _, n := range names {
		r.Backends[n] = nil
	}
	return r
}

func scenario(t *testing.T, more string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Parse("test.yaml", []byte(`apiVersion: svcmark/v1
kind: Scenario
metadata: {name: test}
services: {count: [10, 100], endpoints: 3}
backends: [a, b]
measure: [sync]
`+more), registryOf("a", "b").Known())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func options(t *testing.T, l lab.Lab, s *scenarios.Scenario) Options {
	return Options{
		Scenario: s, Registry: registryOf("a", "b"), Lab: l, Dir: filepath.Join(t.TempDir(), "run"),
		Parallel: 2, CellTimeout: time.Minute,
	}
}

func TestRunKeepsTheMatrixOrderWhateverTheSchedule(t *testing.T) {
	l := &script{clock: lab.Virtual, work: measured}
	o := options(t, l, scenario(t, "limits: {b: {services: 10}}\n"))
	run, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range run.Results {
		names = append(names, r.Label("backend")+r.Label("services"))
	}
	if got := strings.Join(names, " "); got != "a10 a100 b10" {
		t.Errorf("results in the order %s", got)
	}
	last := run.Meta.Cells[len(run.Meta.Cells)-1]
	if last.Status != results.NotRun || !strings.Contains(last.Reason, "limits b") {
		t.Errorf("the point above the limit is %+v, want an explicit n/a", last)
	}
	o.Dir, o.Parallel = filepath.Join(t.TempDir(), "again"), 1
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	first, err1 := os.ReadFile(filepath.Join(run.Dir, "samples.txt"))
	second, err2 := os.ReadFile(filepath.Join(o.Dir, "samples.txt"))
	if err1 != nil || err2 != nil || string(first) != string(second) {
		t.Errorf("samples differ between 2 and 1 cells at a time: %v %v\n%s\n%s", err1, err2, first, second)
	}
}

func TestScheduleOfTheClocks(t *testing.T) {
	s := scenario(t, "repeat: 2\n")
	var wall, virtual []string
	for _, c := range schedule(matrix(s, lab.Wall, Shard{}), lab.Wall, 1) {
		wall = append(wall, fmt.Sprintf("%d %s %d", c.repeat, c.point.Backend, c.point.Services))
	}
	if !slices.IsSortedFunc(wall, func(a, b string) int { return cmp.Compare(a[0], b[0]) }) {
		t.Errorf("wall clock: %q, want repetitions one after the other", wall)
	}
	if len(slices.Compact(slices.Sorted(slices.Values(wall)))) != 8 {
		t.Errorf("wall clock: %q, want every cell once", wall)
	}
	order := func(seed uint64) string {
		var b strings.Builder
		for _, c := range schedule(matrix(scenario(t, "repeat: 6\n"), lab.Wall, Shard{}), lab.Wall, seed) {
			fmt.Fprint(&b, c.point.Backend, c.point.Services, " ")
		}
		return b.String()
	}
	if first, again := order(1), order(1); first != again || first == order(2) {
		t.Error("wall clock: the order within a repetition is not the seed's")
	}
	if one := order(1)[:len(order(1))/6]; order(1) == strings.Repeat(one, 6) {
		t.Error("wall clock: every repetition has the same order")
	}
	for _, c := range schedule(matrix(s, lab.Virtual, Shard{}), lab.Virtual, 1) {
		virtual = append(virtual, fmt.Sprint(c.point.Services))
	}
	if want := []string{"100", "100", "100", "100", "10", "10", "10", "10"}; !slices.Equal(virtual, want) {
		t.Errorf("virtual clock: %q, want the largest first", virtual)
	}
	if n := len(matrix(scenario(t, ""), lab.Wall, Shard{})); n != 4*repeatWall {
		t.Errorf("%d cells in the wall clock, want %d", n, 4*repeatWall)
	}
}

func TestShardsCoverTheMatrixOnce(t *testing.T) {
	s := scenario(t, "")
	seen := map[results.CellKey]int{}
	for i := 1; i <= 3; i++ {
		for _, c := range matrix(s, lab.Virtual, Shard{i, 3}) {
			seen[c.key()]++
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d cells in all shards, want 4", len(seen))
	}
	for key, n := range seen {
		if n != 1 {
			t.Errorf("%s is in %d shards", key, n)
		}
	}
}

func TestFailedCellIsKeptAndTheRunGoesOn(t *testing.T) {
	l := &script{clock: lab.Virtual, work: func(ctx context.Context, j job, send func(event)) error {
		switch {
		case j.Cell.Backend == "a" && j.Cell.Services == 10:
			send(event{Failed: "wrong dataplane: web was answered by 10.9.9.9"})
			send(event{Complete: true})
			return nil
		case j.Cell.Backend == "a":
			return &lab.RunError{Reason: "kernel panic", Tail: []string{"Oops: 0002"}}
		case j.Cell.Services == 10:
			return nil // silent
		}
		return measured(ctx, j, send)
	}}
	run, err := Run(t.Context(), options(t, l, scenario(t, "")))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"10.9.9.9", "Oops: 0002", "ended before it was done", ""}
	for i, c := range run.Meta.Cells {
		status := results.Failed
		if want[i] == "" {
			status = results.OK
		}
		if c.Status != status || !strings.Contains(c.Reason, want[i]) {
			t.Errorf("cell %d: %s %q, want %s with %q", i, c.Status, c.Reason, status, want[i])
		}
	}
	if len(run.Results) != 1 {
		t.Errorf("%d results, want the one of the good cell", len(run.Results))
	}
}

func TestHangingCellIsGivenUp(t *testing.T) {
	l := &script{clock: lab.Virtual, work: func(ctx context.Context, j job, send func(event)) error {
		if j.Cell.Backend == "a" {
			<-ctx.Done()
			return &lab.RunError{Reason: context.Cause(ctx).Error(), Err: ctx.Err()}
		}
		return measured(ctx, j, send)
	}}
	o := options(t, l, scenario(t, ""))
	o.CellTimeout = time.Millisecond
	run, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if c := run.Meta.Cells[0]; c.Status != results.Failed || !strings.Contains(c.Reason, "longer than 1ms") {
		t.Errorf("%s %q", c.Status, c.Reason)
	}
}

func TestInterruptedRunResumes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := &script{clock: lab.Virtual}
	l.work = func(ctx context.Context, j job, send func(event)) error {
		if j.Cell.Backend == "b" {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		}
		return measured(ctx, j, send)
	}
	o := options(t, l, scenario(t, ""))
	o.Parallel = 1
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want context canceled", err)
	}
	l.work, l.ran, o.Resume = measured, nil, true
	run, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(l.ran, "a/100/0") {
		t.Errorf("a finished cell ran again: %q", l.ran)
	}
	if len(run.Results) != 4 {
		t.Errorf("%d results, want 4", len(run.Results))
	}
}

func TestLabThatCannotRunEndsTheRun(t *testing.T) {
	l := &script{clock: lab.Virtual, work: func(context.Context, job, func(event)) error {
		return &backends.NotSupportedError{Feature: "QEMU"}
	}}
	_, err := Run(t.Context(), options(t, l, scenario(t, "")))
	if !errors.Is(err, backends.ErrNotSupported) {
		t.Errorf("%v, want not supported", err)
	}
	if len(l.ran) > 2 {
		t.Errorf("%d cells were tried, want no more after the first answer", len(l.ran))
	}
}

func TestEstimateLearnsFromWhatEnded(t *testing.T) {
	cells := matrix(scenario(t, ""), lab.Virtual, Shard{})
	e := newEstimate(cells, 2)
	before := e.remaining()
	e.ended(cells[0], time.Duration(10*cells[0].prior()*float64(time.Second)))
	if after := e.remaining(); after < 5*before {
		t.Errorf("a cell took ten times its prior and the estimate went from %s to %s", before, after)
	}
	for _, c := range cells[1:] {
		e.ended(c, time.Second)
	}
	if left := e.remaining(); left != 0 {
		t.Errorf("%s left after the last cell", left)
	}
}

func TestProbe(t *testing.T) {
	l := &script{clock: lab.Wall, work: func(_ context.Context, j job, send func(event)) error {
		for _, b := range j.Probe {
			p := &probed{Backend: b}
			if b == "b" {
				p.Missing = &Missing{Feature: "IPVS", Kernel: "6.18", Mend: "modprobe ip_vs"}
			}
			send(event{Probed: p})
		}
		return nil
	}}
	found, err := Registry{}.Probe(t.Context(), l, []string{"a", "b"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if found["a"] != nil || found["b"] == nil || !errors.Is(found["b"], backends.ErrNotSupported) {
		t.Errorf("found %+v", found)
	}
	if got := found["b"].Error(); got != "IPVS is missing on kernel 6.18; to mend it: modprobe ip_vs" {
		t.Errorf("%q", got)
	}
	l.work = func(context.Context, job, func(event)) error { return nil }
	if _, err := (Registry{}).Probe(t.Context(), l, []string{"a"}, nil); err == nil {
		t.Error("a silent probe was taken for a good one")
	}
}

// What the lab lacks is in the run, with the reason, and nobody tries it.
func TestRunLeavesOutWhatIsMissing(t *testing.T) {
	l := &script{clock: lab.Virtual, work: func(ctx context.Context, j job, send func(event)) error {
		if j.Cell.Backend == "b" {
			t.Error("a backend that is missing was run")
		}
		return measured(ctx, j, send)
	}}
	o := options(t, l, scenario(t, ""))
	o.Missing = map[string]string{"b": "a module is missing"}
	run, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, c := range run.Meta.Cells {
		told = append(told, fmt.Sprint(c.Labels[0].Value, c.Labels[1].Value, " ", c.Status, " ", c.Reason))
	}
	want := "a10 ok , a100 ok , b10 n/a a module is missing, b100 n/a a module is missing"
	if got := strings.Join(told, ", "); got != want || len(run.Results) != 2 {
		t.Errorf("cells %s\nwant  %s", got, want)
	}
}

// A backend is the registry's, or made of what the scenario defines.
func TestRegistryBackend(t *testing.T) {
	mine := &scripted{}
	r := Registry{
		Backends: map[string]func() backends.Backend{"a": func() backends.Backend { return nil }},
		Define: func(p *scenarios.Program) (backends.Backend, error) {
			if p.Exec == nil {
				return nil, errors.New("nobody has it")
			}
			return mine, nil
		},
	}
	defined := []scenarios.Program{{Name: "mine", Exec: &scenarios.Exec{}}, {Name: "theirs"}}
	if b, err := r.backend("mine", defined); b != mine || err != nil {
		t.Errorf("%v, %v", b, err)
	}
	for name, want := range map[string]string{"theirs": "nobody has it", "other": "no backend other"} {
		if _, err := r.backend(name, defined); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if b, err := r.backend("a", defined); b != nil || err != nil {
		t.Errorf("%v, %v", b, err)
	}
}

// scripted is a Backend that nobody asks anything.
type scripted struct{ backends.Backend }

// What leaves nothing to measure comes last, and the others stay as they were.
func TestOrderOfMeasurements(t *testing.T) {
	r := Registry{Measurements: map[string]measure.Measurement{"cleanup": measure.Cleanup{}, "sync": measure.Sync{}, "cpu": measure.CPU{}}}
	if got := r.order([]string{"sync", "cleanup", "cpu"}); !slices.Equal(got, []string{"sync", "cpu", "cleanup"}) {
		t.Errorf("order %q", got)
	}
}
