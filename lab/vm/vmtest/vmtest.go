// Package vmtest runs a package's tests inside the microVM: it compiles them to
// a static test binary, which is the guest's init and its worker.
package vmtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm"
)

// silence is how long a guest's tests may say nothing: one of them may take
// minutes of a busy machine.
const silence = 15 * time.Minute

// Run runs the tests, or with -test.bench the benchmarks, of a package in a
// microVM of their own and fails t when one fails, when none ran, or, in CI,
// when one was skipped: the guest has all that a test may need. The package's
// TestMain must be labtest.Main. It returns what they printed.
func Run(t *testing.T, pkg string, args ...string) []string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "guest.test")
	build := exec.Command("go", "test", "-c", "-trimpath", "-ldflags=-buildid=", "-o", binary, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compiling the tests of %s: %v\n%s", pkg, err, out)
	}
	l := New(t, vm.Options{Executable: binary, Timeout: silence})
	var lines []string
	err := l.Run(t.Context(), lab.Job{Args: append([]string{"-test.v", "-test.failfast=false"}, args...)},
		func(line []byte) { lines = append(lines, string(line)) })
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(telling(lines), "\n"))
	}
	ran := 0
	for _, line := range lines {
		verdict := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(verdict, "--- PASS"), strings.HasPrefix(verdict, "Benchmark") && strings.Contains(verdict, "/op"):
			ran++
		case strings.HasPrefix(verdict, "--- SKIP"):
			t.Log(verdict)
			if os.Getenv("CI") != "" {
				t.Errorf("skipped in the guest: %s", verdict)
			}
		}
	}
	if ran == 0 {
		t.Errorf("no test ran:\n%s", strings.Join(lines, "\n"))
	}
	t.Logf("%d passed in the guest", ran)
	return lines
}

// telling are the lines that tell why a run failed: what tests said, each after
// its name, and their bad ends. The hundreds that passed are left out.
func telling(lines []string) (kept []string) {
	running := ""
	for _, line := range lines {
		switch said := strings.TrimSpace(line); {
		case strings.HasPrefix(said, "=== "):
			running = line
		case strings.HasPrefix(said, "--- PASS"):
		default:
			if running != "" {
				kept, running = append(kept, running), ""
			}
			kept = append(kept, line)
		}
	}
	return kept
}

// New opens a vm lab for a test. Without QEMU or a kernel the test is skipped,
// and in CI it fails.
func New(t *testing.T, o vm.Options) *vm.Lab {
	t.Helper()
	if o.Log == nil {
		o.Log = func(line string) { t.Log(line) }
	}
	l, err := vm.New(t.Context(), o)
	if err != nil {
		if errors.Is(err, backends.ErrNotSupported) && os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}
