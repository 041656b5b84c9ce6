package ebpf_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	"github.com/svcmark/svcmark/lab/labtest"
)

// victimEnv asks this program to be a node that has synced a backend, until it is
// killed.
const victimEnv = "SVCMARK_TEST_VICTIM"

func TestMain(m *testing.M) {
	if backend := os.Getenv(victimEnv); backend != "" {
		if err := victim(backend); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	labtest.Main(m)
}

// victim says what it has once it has synced, and waits for its end.
func victim(backend string) error {
	if err := lab.EnterNode(); err != nil {
		return err
	}
	b := map[string]backends.Backend{"socket": socket.New(), "tc": tc.New(tc.Random)}[backend]
	if err := b.Sync(context.Background(), many(10, 3)); err != nil {
		return err
	}
	group, err := cgroup.Own()
	if err != nil {
		return err
	}
	fmt.Println("group", group)
	programs, err := held()
	if err != nil {
		return err
	}
	for _, id := range programs {
		fmt.Println("program", id)
	}
	fmt.Println("synced")
	time.Sleep(time.Hour)
	return errors.New("nobody killed it")
}

// held are the programs of which this process has a file descriptor, or one of a link to
// it (prog_id in proc(5)'s fdinfo).
func held() (ids []string, err error) {
	infos, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		text, err := os.ReadFile(info)
		if errors.Is(err, os.ErrNotExist) {
			continue // that of the directory itself
		} else if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if id, ok := strings.CutPrefix(line, "prog_id:"); ok {
				ids = append(ids, strings.TrimSpace(id))
			}
		}
	}
	return ids, nil
}

// killed starts a node of its own that syncs a backend, kills it, and says what it had.
func killed(t *testing.T, backend string) (group string, programs []cilium.ProgramID) {
	t.Helper()
	runtime.LockOSThread() // the node dies with the thread that started it
	defer runtime.UnlockOSThread()
	cmd := (&lab.NetNS{Executable: "/proc/self/exe"}).Command(context.WithoutCancel(t.Context()))
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
	for _, id := range programs {
		there := true
		for range 1000 {
			p, err := cilium.NewProgramFromID(id)
			if there = !errors.Is(err, os.ErrNotExist); !there {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			p.Close()
			time.Sleep(10 * time.Millisecond)
		}
		if there {
			t.Errorf("the program %d of a node that was killed is still there", id)
		}
	}
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
