package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// A program that is killed while its cell is measured fails the cell, with the end of
// what it said, and nothing of it is left.
func TestKilledProgram(t *testing.T) {
	dir := t.TempDir()
	program := buildBinary(t, "../../tools/nftproxy")
	scenario := filepath.Join(dir, "mine.yaml")
	writeFile(t, scenario, fmt.Sprintf(`apiVersion: svcmark/v1
kind: Scenario
metadata: {name: mine}
services: {count: 10, endpoints: 3}
backends: [{exec: {name: mine, command: [%q]}}]
measure: [partialSync]
repeat: 1
`, program))
	killed(t, program, "run", scenario, "--lab", "netns", "--cell-timeout", "2m", "--out", filepath.Join(dir, "run"))
}

// killed runs svcmark, kills the program when it has begun to measure it, and looks at
// what is said of that.
func killed(t *testing.T, program string, args ...string) {
	t.Helper()
	bin := buildBinary(t, ".")
	before := hostState(t)
	// The program that is killed shall be a cell's, not the calibration's before it.
	cmd := exec.Command(bin, append(args, "--calibrate=false")...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	for pid := 0; pid == 0; time.Sleep(10 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("it ended before its program was at work:\n%s", stderr.String())
		default:
		}
		if pid = atWork(t, program); pid != 0 {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	<-ended
	said := stderr.String()
	if code := cmd.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	for _, want := range []string{" ended: signal: killed", "\n      | "} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said:\n%s", want, said)
		}
	}
	sameHost(t, bin, before)
}

// atWork is the process that runs a program and has run a tool already, 0 when there is
// none.
func atWork(t *testing.T, program string) int {
	t.Helper()
	program, err := filepath.EvalSymlinks(program)
	if err != nil {
		t.Fatal(err)
	}
	all, err := procfs.AllProcs()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if exe, err := p.Executable(); err != nil || exe != program {
			continue
		}
		if stat, err := p.Stat(); err == nil && stat.CMinFlt > 0 { // faults of children that have ended
			return p.PID
		}
	}
	return 0
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
