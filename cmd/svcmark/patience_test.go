package main

import (
	"bytes"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What does not heed a signal ends all the same: here the reading of a stdin that says
// nothing. One that is sent again kills.
func TestInterruptedWhileDeaf(t *testing.T) {
	bin := buildBinary(t, ".")
	for again, want := range map[bool]int{false: exitInterrupted, true: -1} {
		cmd := exec.Command(bin, "import", "-")
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Once it has read this it listens to signals, and to nobody while it reads on.
		if _, err := stdin.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		for sent := false; ; sent = true {
			if again || !sent {
				_ = cmd.Process.Signal(unix.SIGINT)
			}
			select {
			case <-ended:
			case <-time.After(10 * time.Millisecond):
				continue
			}
			break
		}
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("sent again %v: exit code %d, want %d", again, code, want)
		}
	}
}
