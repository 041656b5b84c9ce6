package results

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func testMeta() Meta {
	return Meta{
		Fingerprint: Fingerprint{Svcmark: "v0", Lab: "vm", Clock: "virtual", Tools: map[string]string{"iptables": "1.8.9"}, Scenario: "abc", Seed: 1},
		Scenario:    "kind: Scenario\n",
		Started:     time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func testCells() []Cell {
	_, results := twoBackends()
	cell := func(backend string, rs []Result) Cell {
		return Cell{CellMeta{
			Labels: []Label{{"backend", backend}, {"services", "10"}}, Status: OK, Seconds: 1.5,
			Warnings: []string{"need >= 6 samples"}, NA: []NA{{"memory", "no <slab> figures"}},
		}, rs}
	}
	return []Cell{cell("ipvs", results[:2]), cell("iptables-legacy", results[2:])}
}

func keys(cells []Cell) []CellKey {
	var ks []CellKey
	for i := range cells {
		ks = append(ks, cells[i].Meta.Key())
	}
	return ks
}

func TestRunRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "parents", "run")
	w, err := Create(dir, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	units, results := twoBackends()
	cells := testCells()
	var wg sync.WaitGroup
	for _, c := range slices.Backward(cells) { // cells finish in any order
		wg.Go(func() {
			if err := w.Add(c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	finished := time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC)
	if err := w.Finish(units, keys(cells), finished); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close after Finish: %v", err)
	}
	samples, err := os.ReadFile(filepath.Join(dir, samplesFile))
	if err != nil {
		t.Fatal(err)
	}
	if string(samples) != twoBackendsText {
		t.Errorf("samples.txt:\n%s", samples)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"run.json", "samples.txt"}) {
		t.Errorf("the directory holds %q", got)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := &Run{Dir: dir, Meta: testMeta(), Units: units, Results: results}
	want.Meta.Format = 1
	want.Meta.Finished = finished
	want.Meta.Cells = []CellMeta{cells[0].Meta, cells[1].Meta}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestResume(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	cells := testCells()
	if err := w.Add(cells[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(dir, testMeta()); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("a second writer: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// What a SIGKILL in the middle of a write leaves behind.
	for _, f := range []string{tempPrefix + "1", "cells/" + tempPrefix + "2"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var unfinished *UnfinishedError
	if _, err := Read(dir); !errors.As(err, &unfinished) || unfinished.Cells != 1 {
		t.Errorf("reading an unfinished run: %v", err)
	}

	later := testMeta()
	later.Started = later.Started.Add(time.Hour)
	w, err = Resume(dir, later)
	if err != nil {
		t.Fatal(err)
	}
	if !w.Has(cells[1].Meta.Key()) || w.Has(cells[0].Meta.Key()) {
		t.Errorf("finished: %v %v, want only the second", w.Has(cells[0].Meta.Key()), w.Has(cells[1].Meta.Key()))
	}
	if err := w.Add(cells[1]); err == nil {
		t.Error("a cell was added twice")
	}
	if err := w.Add(cells[0]); err != nil {
		t.Fatal(err)
	}
	units, _ := twoBackends()
	if err := w.Finish(units, keys(cells), later.Started); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"run.json", "samples.txt"}) {
		t.Errorf("the directory holds %q", got)
	}
	run, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !run.Meta.Started.Equal(testMeta().Started) {
		t.Errorf("the run began at %v", run.Meta.Started)
	}
	var exists *ExistsError
	if _, err := Resume(dir, testMeta()); !errors.As(err, &exists) {
		t.Errorf("resuming a finished run: %v", err)
	}
}

func TestResumeRefusesAnotherRun(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	other := testMeta()
	other.Fingerprint.Kernel = "6.12"
	other.Fingerprint.Tools = nil
	_, err = Resume(dir, other)
	var mismatch *MismatchError
	if !errors.As(err, &mismatch) {
		t.Fatalf("got %v", err)
	}
	want := []Difference{{"kernel", "", "6.12"}, {"tools.iptables", "1.8.9", ""}}
	if !reflect.DeepEqual(mismatch.Differences, want) {
		t.Errorf("got %+v", mismatch.Differences)
	}
	if !strings.Contains(err.Error(), "kernel was (none) and is now 6.12") {
		t.Errorf("message: %v", err)
	}
	// The refusal let go of the run.
	if w, err = Resume(dir, testMeta()); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if _, err := Resume(t.TempDir(), testMeta()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("resuming nothing: %v", err)
	}
}

func TestCreateRefusesWhatIsThere(t *testing.T) {
	for file, holds := range map[string]string{
		"run.json":  "a finished run",
		"cells/x":   "an unfinished run",
		"notes.txt": "notes.txt",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		before := names(t, dir)
		_, err := Create(dir, testMeta())
		var exists *ExistsError
		if !errors.As(err, &exists) || exists.Holds != holds {
			t.Errorf("%s: got %v", file, err)
		}
		if after := names(t, dir); !slices.Equal(before, after) {
			t.Errorf("%s: the directory changed from %q to %q", file, before, after)
		}
	}
}

func TestCreateUnwritable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(file, testMeta()); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("a file for a directory: %v", err)
	}
	if _, err := Create(filepath.Join(file, "run"), testMeta()); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a directory below a file: %v", err)
	}
	if _, err := Create("/proc/svcmark/run", testMeta()); err == nil {
		t.Error("a run in /proc, where even root cannot make a directory")
	}
}

// A disk that fills up leaves the old content, and nothing half written.
func TestWriteFileIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := writeFile(path, writeBytes([]byte("old"))); err != nil {
		t.Fatal(err)
	}
	err := writeFile(path, func(w io.Writer) error {
		if _, err := w.Write([]byte("ne")); err != nil {
			return err
		}
		return syscall.ENOSPC
	})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"f"}) {
		t.Errorf("the directory holds %q", got)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("the file holds %q", got)
	}
}

func TestFinishWantsExactlyTheFinishedCells(t *testing.T) {
	w, err := Create(t.TempDir(), testMeta())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }() // some orders below close it
	cells := testCells()
	if err := w.Add(cells[0]); err != nil {
		t.Fatal(err)
	}
	units, _ := twoBackends()
	ks := keys(cells)
	for _, tt := range []struct {
		order []CellKey
		units []Unit
		want  string
	}{
		{ks, units, "is not finished"},
		{nil, units, "not part of the run's order"},
		{[]CellKey{ks[0], ks[0]}, units, "stands twice"},
		{ks[:1], nil, "not declared"},
	} {
		err := w.Finish(tt.units, tt.order, time.Time{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	// None of that did harm.
	if err := w.Finish(units, ks[:1], time.Time{}); err != nil {
		t.Error(err)
	}
}

// Labels that a file's name cannot hold, or could confuse, stay apart.
func TestCellFilesStayApart(t *testing.T) {
	a := CellMeta{Labels: []Label{{"a", "1,b=2"}}}
	b := CellMeta{Labels: []Label{{"a", "1"}, {"b", "2"}}}
	if a.file() == b.file() {
		t.Errorf("both are %s", a.file())
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var ns []string
	for _, e := range entries {
		ns = append(ns, e.Name())
	}
	return ns
}
