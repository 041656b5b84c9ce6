package vm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm/image"
)

// newLab makes a Lab of this test program. Without QEMU a test is skipped, but not
// in CI: there its absence is a fault.
func newLab(t *testing.T, o Options) *Lab {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if o.Log == nil {
		o.Log = func(s string) { t.Log(s) }
	}
	err = image.CheckStatic(exe)
	var l *Lab
	if err == nil {
		l, err = New(t.Context(), o)
		if err != nil && !errors.Is(err, backends.ErrNotSupported) {
			t.Fatal(err)
		}
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// runJob gives the events of a job as one text.
func runJob(t *testing.T, l *Lab, job lab.Job) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := l.Run(t.Context(), job, func(line []byte) {
		out.Write(line)
		out.WriteByte('\n')
	})
	return out.String(), err
}

func TestVMWorkerGetsItsJob(t *testing.T) {
	l := newLab(t, Options{})
	input := strings.Repeat("0123456789\n", 100_000)
	got, err := runJob(t, l, lab.Job{Args: []string{"echo", "-x", "two words", ""}, Input: []byte(input)})
	want := `args ["-x" "two words" ""]
input 1100000 bytes, 100000 lines
env ["PATH=/usr/sbin:/usr/bin:/sbin:/bin" "HOME=/" "SVCMARK_NODE=vm"] dir / uid 0 pid1 false
no newline
`
	if err != nil || got != want {
		t.Errorf("error %v, events\n%s\nwant\n%s", err, got, want)
	}
	got, err = runJob(t, l, lab.Job{Args: []string{"echo"}})
	if err != nil || !strings.Contains(got, "input 0 bytes") {
		t.Errorf("a job without input: error %v, events\n%s", err, got)
	}
}

func TestVMTools(t *testing.T) {
	l := newLab(t, Options{})
	got, err := runJob(t, l, lab.Job{Args: []string{"tools"}})
	if want := "legacy 4\nnft 4\nipvs 2\nnft true\n"; err != nil || got != want {
		t.Errorf("error %v, events\n%s\nwant\n%s", err, got, want)
	}
}

func TestVMClockIsExact(t *testing.T) {
	l := newLab(t, Options{})
	job := lab.Job{Args: []string{"timing"}}
	first, err := runJob(t, l, job)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(first, "\n"); n != 13 {
		t.Fatalf("%d events, want 13:\n%s", n, first)
	}
	t.Log(first)
	again, err := runJob(t, l, job)
	if err != nil || again != first {
		t.Errorf("the second run differs (error %v):\n%s\nfrom the first:\n%s", err, again, first)
	}

	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			beside, err := runJob(t, l, job)
			if err != nil || beside != first {
				t.Errorf("a run beside another differs (error %v):\n%s\nfrom the first:\n%s", err, beside, first)
			}
		})
	}
	wg.Wait()

	// A Perturb that changed nothing would be no perturbation.
	job.Perturb = 1
	shifted, err := runJob(t, l, job)
	if err != nil || shifted == first {
		t.Errorf("Perturb changed nothing (error %v):\n%s", err, shifted)
	}
	again, err = runJob(t, l, job)
	if err != nil || again != shifted {
		t.Errorf("the second perturbed run differs (error %v):\n%s\nfrom the first:\n%s", err, again, shifted)
	}
}

// A loop's rounds have a whole number of instructions each, and so must the clock
// say.
func TestVMNanosecondIsInstruction(t *testing.T) {
	l := newLab(t, Options{})
	got, err := runJob(t, l, lab.Job{Args: []string{"count"}})
	if err != nil {
		t.Fatal(err)
	}
	var once, twice int
	if _, err := fmt.Sscan(got, &once, &twice); err != nil {
		t.Fatal(err)
	}
	if more := twice - once; more%100_000 != 0 || more < 200_000 || more > 1_000_000 {
		t.Errorf("100,000 more rounds took %d ns more", more)
	}
}

func TestVMSnapshotsAreEqual(t *testing.T) {
	l := newLab(t, Options{})
	job := lab.Job{Args: []string{"timing"}}
	first, err := runJob(t, l, job)
	if err != nil {
		t.Fatal(err)
	}
	// Two at once in a new cache: one makes the snapshot, the other waits for it.
	var boots atomic.Int32
	o := Options{Cache: t.TempDir(), Kernel: l.kernelAt.Image, Modules: l.kernelAt.Modules, Log: func(s string) {
		if strings.HasPrefix(s, "booting") {
			boots.Add(1)
		}
	}}
	var wg sync.WaitGroup
	wg.Go(func() {
		if beside, err := New(t.Context(), o); err != nil {
			t.Error(err)
		} else if err := beside.Close(); err != nil {
			t.Error(err)
		}
	})
	other := newLab(t, o)
	wg.Wait()
	if n := boots.Load(); n != 1 {
		t.Errorf("the guest was booted %d times for one snapshot", n)
	}
	second, err := runJob(t, other, job)
	if err != nil || second != first {
		t.Errorf("a run from another snapshot differs (error %v):\n%s\nfrom the first:\n%s", err, second, first)
	}
	a, err := l.Environment()
	if err != nil {
		t.Fatal(err)
	}
	b, err := other.Environment()
	if err != nil || a.Guest != b.Guest {
		t.Errorf("fingerprints differ (error %v):\n%v\n%v", err, a, b)
	}
}

func TestVMManyEvents(t *testing.T) {
	l := newLab(t, Options{})
	const size = 4_000_000
	n := 0
	err := l.Run(t.Context(), lab.Job{Args: []string{"flood", fmt.Sprint(size)}}, func(line []byte) {
		if len(line) != 99 {
			t.Fatalf("a line of %d bytes", len(line))
		}
		n += len(line) + 1
	})
	if err != nil || n != size {
		t.Errorf("error %v, %d bytes of %d", err, n, size)
	}
}

func TestVMWall(t *testing.T) {
	base := newLab(t, Options{})
	var logs []string
	o := Options{
		Clock: lab.Wall, Cache: t.TempDir(),
		Kernel: base.kernelAt.Image, Modules: base.kernelAt.Modules,
		Log: func(s string) { logs = append(logs, s) },
	}
	l, err := New(t.Context(), o)
	if errors.Is(err, backends.ErrNotSupported) {
		t.Log(err)
		if _, err := os.Stat("/dev/kvm"); err != nil {
			return
		}
		// The reason is remembered: the second time nothing is tried.
		tried := len(logs)
		if _, again := New(t.Context(), o); again == nil || again.Error() != err.Error() || len(logs) != tried {
			t.Errorf("the second time it said %v, and %q; the first time %v", again, logs, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Clock() != lab.Wall {
		t.Errorf("clock %v", l.Clock())
	}
	got, err := runJob(t, l, lab.Job{Args: []string{"tools"}})
	if err != nil || !strings.Contains(got, "ipvs 2") {
		t.Errorf("error %v, events\n%s", err, got)
	}
}
