package vm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm/elftest"
	"github.com/svcmark/svcmark/lab/vm/image"
)

// brokenOptions are those of a Lab whose QEMU is this program under another name.
func brokenOptions(t *testing.T, qemu string) Options {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(dir, qemu)); err != nil {
		t.Fatal(err)
	}
	vmlinux, init := filepath.Join(dir, "vmlinux"), filepath.Join(dir, "init")
	for file, b := range map[string][]byte{
		vmlinux: elftest.File{Note: elftest.PVHNote()}.Bytes(),
		init:    elftest.File{}.Bytes(),
	} {
		if err := os.WriteFile(file, b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return Options{
		QEMU: filepath.Join(dir, qemu), Executable: init, Kernel: vmlinux,
		Cache: filepath.Join(dir, "cache"), Tools: []image.Tool{},
	}
}

func TestQEMUThatDies(t *testing.T) {
	o := brokenOptions(t, "qemu-dies")
	_, err := New(t.Context(), o)
	var e *lab.RunError
	if !errors.As(err, &e) || !strings.Contains(e.Reason, "exit status 1") || !strings.Contains(e.Reason, "this QEMU is broken") {
		t.Errorf("error %v", err)
	}
	if left, _ := filepath.Glob(o.Cache + "/snapshots/*.tmp"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestQEMUThatHangs(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := New(ctx, brokenOptions(t, "qemu-hangs"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if left := children(t, os.Getpid()); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"sudo apt-get install":         func(o *Options) { o.QEMU = "no-such-qemu" },
		`no clock "sundial"`:           func(o *Options) { o.Clock = "sundial" },
		"cannot have 1 MiB":            func(o *Options) { o.MemoryMiB = 1 },
		"cannot have -1 CPUs":          func(o *Options) { o.CPUs = -1 },
		"no such file":                 func(o *Options) { o.Kernel = "/nonexistent" },
		"neither an ELF file nor":      func(o *Options) { o.Kernel = "/proc/version" },
		"build it with CGO_ENABLED=0":  func(o *Options) { o.Executable = dynamic(t) },
		"the tool no-such-tool is mis": func(o *Options) { o.Tools = []image.Tool{{Name: "no-such-tool"}} },
	} {
		o := brokenOptions(t, "qemu-dies")
		change(&o)
		if _, err := New(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	o := brokenOptions(t, "qemu-dies")
	o.QEMU = "no-such-qemu"
	if _, err := New(t.Context(), o); !errors.Is(err, backends.ErrNotSupported) {
		t.Errorf("error %v", err)
	}
}

// dynamic makes a program that needs a program interpreter.
func dynamic(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dynamic")
	if err := os.WriteFile(path, elftest.File{Interp: "/lib/ld.so"}.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
