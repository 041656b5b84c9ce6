package lab_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/lab"
)

// These tests run on a node themselves: nodes nest.

func selfLab(t *testing.T) *lab.NetNS {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &lab.NetNS{Executable: exe}
}

func TestNetNSHandsOverInputAndLines(t *testing.T) {
	var lines []string
	err := selfLab(t).Run(t.Context(), lab.Job{Args: []string{"echo"}, Input: []byte("one\ntwo\n")},
		func(line []byte) { lines = append(lines, string(line)) })
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(lines, "|"); got != "one|two" {
		t.Errorf("lines = %q", got)
	}
}

func TestNetNSFailedWorkerShowsItsLog(t *testing.T) {
	err := selfLab(t).Run(t.Context(), lab.Job{Args: []string{"fail"}}, func([]byte) {})
	var failed *lab.RunError
	if !errors.As(err, &failed) {
		t.Fatalf("%v, want a RunError", err)
	}
	if !strings.Contains(failed.Reason, "exit status 7") || strings.Join(failed.Tail, "") != "the reason" {
		t.Errorf("reason %q, tail %q", failed.Reason, failed.Tail)
	}
}

// The worker started a child in a session of its own; both must be gone with
// the context, and Run must come back though the child holds its streams.
func TestNetNSEndKillsEverything(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var child string
	err := selfLab(t).Run(ctx, lab.Job{Args: []string{"linger"}}, func(line []byte) {
		child = string(line)
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want context canceled", err)
	}
	if child == "" {
		t.Fatal("the worker never told of its child")
	}
	for _, proc := range commandLines(t) {
		if strings.Contains(proc, child) {
			t.Errorf("process with marker %s is still there: %s", child, proc)
		}
	}
}

// commandLines lists the command lines of all processes that can be seen.
func commandLines(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		if cmdline, err := os.ReadFile("/proc/" + e.Name() + "/cmdline"); err == nil {
			lines = append(lines, strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return lines
}
