package qemu

import (
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// A process that waits for everybody does so no more when it is to end.
func TestHurry(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	pid := cmd.Process.Pid
	var all, one, got unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for i := 0; one.Count() == 0; i++ {
		if all.IsSet(i) {
			one.Set(i)
		}
	}
	if err := unix.SchedSetaffinity(pid, &one); err != nil {
		t.Fatal(err)
	}
	if err := unix.SchedSetAttr(pid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
		t.Fatal(err)
	}
	(&Process{cmd: cmd, idle: []int{pid}}).hurry()
	if err := unix.SchedGetaffinity(pid, &got); err != nil || got != all {
		t.Errorf("it may run on %d processors, want %d (%v)", got.Count(), all.Count(), err)
	}
	attr, err := unix.SchedGetAttr(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	// Without root the kernel lets nobody come back from SCHED_IDLE.
	if attr.Policy != unix.SCHED_NORMAL && unix.Geteuid() == 0 {
		t.Errorf("its policy is %d, want %d", attr.Policy, unix.SCHED_NORMAL)
	}
}
