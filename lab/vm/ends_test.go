package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/lab"
)

func TestVMBadEnds(t *testing.T) {
	l := newLab(t, Options{})
	for _, test := range []struct {
		args   []string
		reason string // what the error's reason begins with
		tail   string // what its last lines hold
	}{
		{[]string{"exit", "3"}, "exit status 3", "this is why"},
		{[]string{"kill"}, "killed by SIGTERM", ""},
		{[]string{"panic"}, "kernel panic: sysrq triggered crash", "sysrq triggered crash"},
		{[]string{"oom"}, "out of memory (the guest has 1024 MiB; Out of memory: Killed process", ""},
	} {
		t.Run(test.args[0], func(t *testing.T) {
			_, err := runJob(t, l, lab.Job{Args: test.args})
			var e *lab.RunError
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want a RunError", err)
			}
			if !strings.HasPrefix(e.Reason, test.reason) || !strings.Contains(strings.Join(e.Tail, "\n"), test.tail) {
				t.Errorf("got\n%v\nwant the reason %q, and the last lines with %q", e, test.reason, test.tail)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		_, err := runJob(t, l, lab.Job{Input: make([]byte, 17<<20)})
		if err == nil || !strings.Contains(err.Error(), "the vm lab takes at most") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("leave", func(t *testing.T) {
		if _, err := runJob(t, l, lab.Job{Args: []string{"leave"}}); err != nil {
			t.Error(err)
		}
	})
}

func TestVMHang(t *testing.T) {
	l := newLab(t, Options{Timeout: 3 * time.Second})
	for _, verb := range []string{"hang", "spin"} {
		got, err := runJob(t, l, lab.Job{Args: []string{verb}})
		var e *lab.RunError
		if !errors.As(err, &e) || e.Reason != "no sign of life for 3s" || !strings.HasSuffix(got, "ing\n") {
			t.Errorf("%s: error %v, events %q", verb, err, got)
		}
	}
}

func TestVMInterrupt(t *testing.T) {
	l := newLab(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := l.Run(ctx, lab.Job{Args: []string{"hang"}}, func([]byte) { cancel() })
	var e *lab.RunError
	if !errors.As(err, &e) || e.Reason != "interrupted" || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	// Whoever ends it may say why.
	late, end := context.WithCancelCause(t.Context())
	err = l.Run(late, lab.Job{Args: []string{"hang"}}, func([]byte) { end(errors.New("the cell took too long")) })
	if !errors.As(err, &e) || e.Reason != "the cell took too long" {
		t.Errorf("error %v", err)
	}
	if left := children(t, os.Getpid()); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	// Before it starts.
	if err := l.Run(ctx, lab.Job{Args: []string{"hang"}}, func([]byte) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestVMBadSnapshot(t *testing.T) {
	l := newLab(t, Options{})
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", l.snapshot.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := dir + "/cut"
	if err := os.WriteFile(cut, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	whole := l.snapshot
	defer func() { l.snapshot = whole }()
	if l.snapshot, err = os.Open(cut); err != nil {
		t.Fatal(err)
	}
	defer l.snapshot.Close()
	_, err = runJob(t, l, lab.Job{Args: []string{"echo"}})
	var e *lab.RunError
	if !errors.As(err, &e) || !strings.Contains(e.Reason, "snapshot could not be restored") {
		t.Errorf("error %v", err)
	}
}

// Whoever ends the making of a snapshot finds nothing of it left.
func TestVMInterruptedSnapshot(t *testing.T) {
	image := newLab(t, Options{}).kernelAt
	cache := t.TempDir()
	for _, stage := range []string{"booting the guest once", "modules loaded"} {
		ctx, cancel := context.WithCancel(t.Context())
		l, err := New(ctx, Options{Cache: cache, Kernel: image.Image, Modules: image.Modules, Log: func(line string) {
			if strings.Contains(line, stage) {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			if l != nil {
				_ = l.Close()
			}
			t.Errorf("%s: error %v", stage, err)
		}
		if left, err := filepath.Glob(cache + "/snapshots/*"); err != nil || len(left) > 0 {
			t.Errorf("%s: %v are left (%v)", stage, left, err)
		}
	}
	if left := children(t, os.Getpid()); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}
