package apiclient

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func start(t *testing.T, script string) (*Process, *Log) {
	t.Helper()
	l := NewLog(nil)
	p, err := StartProcess("mine", exec.Command("/bin/sh", "-c", script), l, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(0); err != nil {
			t.Error(err)
		}
	})
	return p, l
}

// saying is a condition that holds when the log has a line.
func saying(l *Log, line string) func(bool) (bool, error) {
	return func(bool) (bool, error) { return strings.Contains(strings.Join(l.End(), "\n")+"\n", line+"\n"), nil }
}

const long = time.Minute

func TestProcessThatEnds(t *testing.T) {
	p, l := start(t, "echo no such mode >&2; exit 3")
	err := p.Until(t.Context(), long, long, saying(l, "ready"))
	if err == nil || err.Error() != "mine ended: exit status 3" {
		t.Errorf("waiting for it: %v", err)
	}
	if err := p.Alive(); err == nil || !strings.Contains(err.Error(), "exit status 3\n  | no such mode") {
		t.Errorf("Alive: %v", err)
	}
	p, l = start(t, "exit 0")
	if err := p.Until(t.Context(), long, long, saying(l, "ready")); err == nil || err.Error() != "mine ended by itself" {
		t.Errorf("waiting for it: %v", err)
	}
	if err := p.Alive(); err == nil || !strings.Contains(err.Error(), "mine has said nothing") {
		t.Errorf("Alive: %v", err)
	}
}

// A program that says nothing is asked again and again, and given up in the end.
func TestProcessThatIsSilent(t *testing.T) {
	p, _ := start(t, "exec sleep 600")
	asked := 0
	err := p.Until(t.Context(), 300*time.Millisecond, time.Millisecond, func(late bool) (bool, error) {
		if late {
			asked++
		}
		return false, nil
	})
	if err == nil || err.Error() != "nothing for 300ms" || asked < 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	if err := p.Alive(); err != nil {
		t.Errorf("it runs: %v", err)
	}
}

// A program may end in order, and one that does not is killed with its children.
func TestStop(t *testing.T) {
	p, l := start(t, "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done")
	if err := p.Until(t.Context(), long, long, saying(l, "ready")); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(long); err != nil {
		t.Error(err)
	}
	if got := strings.Join(l.End(), " "); got != "ready bye" {
		t.Errorf("it said %q", got)
	}

	p, l = start(t, "trap '' TERM; sleep 600 & echo $!; wait; sleep 600")
	if err := p.Until(t.Context(), long, long, func(bool) (bool, error) { return len(l.End()) == 1, nil }); err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(l.End()[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(50 * time.Millisecond); err != nil {
		t.Error(err)
	}
	for range 1000 { // until init has buried it
		if errors.Is(syscall.Kill(child, 0), syscall.ESRCH) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("its child %d lives on", child)
}
