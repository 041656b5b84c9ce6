package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// The scripts run the program that users run: the static binary that make
// build makes, byte for byte, so that they also share its guests' snapshots.

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == onSmallDisk {
		execOnSmallDisk(os.Args[2:])
	}
	os.Exit(m.Run())
}

func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// TestVMScripts are those that boot microVMs.
func TestVMScripts(t *testing.T) { runScripts(t, "testdata/vm") }

// scriptEnv is the program under test, for scripts that hide PATH; and all that
// it starts carries it too.
const scriptEnv = "SVCMARK"

func runScripts(t *testing.T, dir string) {
	bin, proxy := buildBinary(t, "."), buildBinary(t, "../../tools/nftproxy")
	reference, err := filepath.Abs(filepath.Join(root, "results/reference"))
	if err != nil {
		t.Fatal(err)
	}
	before := hostState(t)
	t.Cleanup(func() { sameHost(t, bin, before) })
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(bin)+":/usr/sbin:/usr/bin:/sbin:/bin")
			e.Setenv("NO_COLOR", "1")
			e.Setenv(scriptEnv, bin)
			e.Setenv("NFTPROXY", proxy)
			e.Setenv("REFERENCE", reference)
			// Guests are cached where make bench keeps them.
			for _, k := range []string{"HOME", "XDG_CACHE_HOME"} {
				if v, ok := os.LookupEnv(k); ok {
					e.Setenv(k, v)
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"interrupt": interrupt,
			"kernel":    kernel,
		},
	})
}

// buildBinary builds a command as the Makefile builds svcmark.
func buildBinary(t *testing.T, pkg string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "svcmark")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-buildid=", "-o", bin, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return bin
}

// exits CODE [-small-disk DIR] PROGRAM ARGS... runs a program, keeps what it
// prints in the files out and err, and fails on another exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE [-small-disk DIR] PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := command(ts, args[1:])
	got := finish(ts, cmd, cmd.Run())
	if got != want {
		ts.Fatalf("exit code %d, want %d\n%s", got, want, ts.ReadFile("err"))
	}
}

// interrupt SIGNAL LINE PROGRAM ARGS... runs a program until its stderr has a
// line that contains LINE and sends it SIGNAL then.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt SIGNAL LINE PROGRAM ARGS...")
	}
	signal := unix.SignalNum(args[0])
	cmd := command(ts, args[2:])
	saw := &watch{want: args[1], seen: make(chan struct{})}
	cmd.Stderr = saw
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-saw.seen:
	case err := <-ended:
		ts.Fatalf("it ended (%v) before it printed %q:\n%s", err, args[1], saw.text.String())
	}
	ts.Check(cmd.Process.Signal(signal))
	err := <-ended
	code := finish(ts, cmd, err)
	ts.Check(os.WriteFile(ts.MkAbs("err"), []byte(saw.text.String()), 0o644))
	if want := map[bool]int{true: exitInterrupted, false: -1}[signal != unix.SIGKILL]; code != want {
		ts.Fatalf("exit code %d after %s, want %d\n%s", code, args[0], want, saw.text.String())
	}
}

// kernel VAR sets an environment variable to the path of a kernel image of the
// cache.
func kernel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: kernel VAR")
	}
	cache := ts.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(ts.Getenv("HOME"), ".cache")
	}
	images, err := filepath.Glob(filepath.Join(cache, "svcmark/kernels/*/boot/vmlinuz-*"))
	ts.Check(err)
	if len(images) == 0 {
		ts.Fatalf("the cache has no kernel")
	}
	ts.Setenv(args[0], images[len(images)-1])
}

func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	smallDisk := ""
	if args[0] == "-small-disk" {
		smallDisk, args = ts.MkAbs(args[1]), args[2:]
	}
	path := args[0]
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, args[0]); !strings.Contains(args[0], "/") && executable(p) {
			path = p
			break
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	ts.Defer(cancel)
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	if smallDisk != "" {
		self, err := os.Executable()
		ts.Check(err)
		cmd = exec.CommandContext(ctx, self, append([]string{onSmallDisk, smallDisk, path}, args[1:]...)...)
		cmd.SysProcAttr = ownMounts()
	}
	cmd.Dir = ts.MkAbs(".")
	for _, k := range []string{"PATH", "HOME", "XDG_CACHE_HOME", "NO_COLOR", "WORK", scriptEnv} {
		cmd.Env = append(cmd.Env, k+"="+ts.Getenv(k))
	}
	stdout, err := os.Create(ts.MkAbs("out"))
	ts.Check(err)
	stderr, err := os.Create(ts.MkAbs("err"))
	ts.Check(err)
	ts.Defer(func() { stdout.Close(); stderr.Close() })
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0 && !info.IsDir()
}

// finish is the exit code, -1 for a death by signal.
func finish(ts *testscript.TestScript, cmd *exec.Cmd, err error) int {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("running %v: %v", cmd.Args, err)
	}
	return cmd.ProcessState.ExitCode()
}

// watch tells when a text has been written.
type watch struct {
	want string
	text strings.Builder
	seen chan struct{}
	told bool
}

func (w *watch) Write(p []byte) (int, error) {
	w.text.Write(p)
	if !w.told && strings.Contains(w.text.String(), w.want) {
		w.told = true
		close(w.seen)
	}
	return len(p), nil
}

// onSmallDisk is the argument with which the test binary becomes a program
// that mounts a tiny disk, in mounts of its own, and runs another there.
const onSmallDisk = "on-small-disk"

func ownMounts() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return a
}

func execOnSmallDisk(args []string) {
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = os.MkdirAll(args[0], 0o755)
	}
	if err == nil {
		err = unix.Mount("tmpfs", args[0], "tmpfs", 0, "size=16k")
	}
	if err == nil {
		err = unix.Exec(args[1], args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "small disk:", err)
	os.Exit(99)
}
