package ebpf_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	cilium "github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/cgroup"
	"github.com/svcmark/svcmark/backends/ebpf/socket"
	"github.com/svcmark/svcmark/backends/ebpf/tc"
	"github.com/svcmark/svcmark/lab"
)

// victimEnv asks this program to be a node that has synced a backend, until it is
// killed.
const victimEnv = "SVCMARK_TEST_VICTIM"

// TestVictim is the node that other tests kill.
func TestVictim(t *testing.T) {
	var b backends.Backend
	switch os.Getenv(victimEnv) {
	case "":
		return
	case "socket":
		b = socket.New()
	case "tc":
		b = tc.New(tc.Random)
	}
	before := loaded(t)
	if err := b.Sync(t.Context(), many(10, 3)); err != nil {
		t.Fatal(err)
	}
	group, err := cgroup.Own()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("group", group)
	for id := range loaded(t) {
		if !before[id] {
			fmt.Println("program", id)
		}
	}
	fmt.Println("synced")
	time.Sleep(time.Hour)
}

// loaded are the kernel's programs whose names say that they are svcmark's.
func loaded(t *testing.T) map[cilium.ProgramID]bool {
	t.Helper()
	found := map[cilium.ProgramID]bool{}
	id := cilium.ProgramID(0)
	for {
		var err error
		if id, err = cilium.ProgramGetNextID(id); errors.Is(err, os.ErrNotExist) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		p, err := cilium.NewProgramFromID(id)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has just gone
		} else if err != nil {
			t.Fatal(err)
		}
		info, err := p.Info()
		p.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(info.Name, "svcmark_") {
			found[id] = true
		}
	}
}

// killed starts a node of its own that syncs a backend, kills it, and says what it had.
func killed(t *testing.T, backend string) (group string, programs []cilium.ProgramID) {
	t.Helper()
	runtime.LockOSThread() // the node dies with the thread that started it
	defer runtime.UnlockOSThread()
	cmd := (&lab.NetNS{Executable: "/proc/self/exe"}).Command(context.WithoutCancel(t.Context()), "-test.run=^TestVictim$")
	cmd.Env = append(cmd.Env, victimEnv+"="+backend)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	synced := false
	for s := bufio.NewScanner(out); !synced && s.Scan(); {
		what, value, _ := strings.Cut(s.Text(), " ")
		switch what {
		case "group":
			group = value
		case "program":
			id, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			programs = append(programs, cilium.ProgramID(id))
		case "synced":
			synced = true
		default:
			t.Log(s.Text())
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || !synced || len(programs) == 0 {
		t.Fatalf("the node ended by itself: %v, synced %t with %d programs", err, synced, len(programs))
	}
	return group, programs
}

// unloaded waits for programs to be gone: the kernel takes a namespace apart in its own
// time.
func unloaded(t *testing.T, programs []cilium.ProgramID) {
	t.Helper()
	for range 1000 {
		now, left := loaded(t), 0
		for _, id := range programs {
			if now[id] {
				left++
			}
		}
		if left == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("of %d programs of a node that was killed some are still there", len(programs))
}

// onRunningKernel reports whether a backend can run here and may be killed: the microVM is
// the node, and ends with it.
func onRunningKernel(t *testing.T, b backends.Backend) bool {
	t.Helper()
	return os.Getenv(lab.NodeEnv) == "netns" && probed(t, b)
}

// A node that is killed leaves an empty control group, with nothing attached, and the next
// one takes it away. Close takes the process out of its own.
func TestKilledSocket(t *testing.T) {
	b := socket.New()
	if !onRunningKernel(t, b) {
		return
	}
	was, err := cgroup.Own()
	if err != nil {
		t.Fatal(err)
	}
	tree, err := cgroup.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	group, programs := killed(t, "socket")
	unloaded(t, programs)
	dir, err := tree.Dir(group)
	if err != nil {
		t.Fatalf("nothing is left to be swept: %v", err)
	}
	for _, h := range []cilium.AttachType{cilium.AttachCGroupInet4Connect, cilium.AttachCGroupUDP6Recvmsg} {
		if q, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: h}); err != nil || len(q.Programs) != 0 {
			t.Errorf("%v is still attached to %s, %v", q, group, err)
		}
	}
	left, err := dir.Stat()
	dir.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Sync(t.Context(), many(1, 1)); err != nil {
		t.Fatal(err)
	}
	own, err := cgroup.Own()
	if err != nil {
		t.Fatal(err)
	}
	if dir, err := tree.Dir(group); err == nil {
		is, err := dir.Stat()
		if dir.Close(); err != nil || os.SameFile(left, is) { // its name may be given again
			t.Errorf("%s was not swept: %v", group, err)
		}
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if is, err := cgroup.Own(); err != nil || is != was {
			t.Errorf("after Close the process is in %s, %v; want %s", is, err, was)
		}
		if dir, err := tree.Dir(own); err == nil {
			dir.Close()
			t.Errorf("Close left %s", own)
		}
	}
}

// A node that is killed leaves no program: they go with its namespace.
func TestKilledTC(t *testing.T) {
	if !onRunningKernel(t, tc.New(tc.Random)) {
		return
	}
	_, programs := killed(t, "tc")
	unloaded(t, programs)
}
