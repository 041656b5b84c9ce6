package vm

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab"
)

// outlab is a worker that runs on the host: it has a guest of its own hang.
func outlab([]string) {
	l, err := New(context.Background(), Options{})
	must(err)
	must(l.Run(context.Background(), lab.Job{Args: []string{"hang"}}, func(line []byte) {
		fmt.Printf("%s\n", line)
	}))
}

// children gives the processes that a process started and that are not reaped.
func children(t *testing.T, pid int) []int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // a thread that has ended
		}
		for s := range strings.FieldsSeq(string(b)) {
			pid, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestVMKilledParentLeavesNoQEMU(t *testing.T) {
	newLab(t, Options{}) // there is a snapshot, and this is a machine for it
	parent := exec.Command("/proc/self/exe", "outlab")
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "hanging\n" {
		t.Fatalf("error %v, event %q", err, line)
	}
	pids := children(t, parent.Process.Pid)
	if len(pids) != 1 {
		t.Fatalf("it has the children %v, want one QEMU", pids)
	}
	qemu, err := unix.PidfdOpen(pids[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(qemu)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(qemu), Events: unix.POLLIN}}, 30_000)
	if err != nil || n != 1 {
		_ = unix.PidfdSendSignal(qemu, unix.SIGKILL, nil, 0)
		t.Errorf("QEMU outlived its parent (%d, %v)", n, err)
	}
}
