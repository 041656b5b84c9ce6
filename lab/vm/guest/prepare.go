package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab/vm/image"
)

// mounts are the file systems that the tools and backends expect.
func mounts() []struct{ kind, at, options string } {
	return []struct{ kind, at, options string }{
		{"proc", "/proc", ""},
		{"sysfs", "/sys", ""},
		{"devtmpfs", "/dev", ""},
		{"tmpfs", "/run", "mode=755"},
		{"tmpfs", "/tmp", "mode=1777"},
		{"cgroup2", "/sys/fs/cgroup", ""},
		{"bpf", "/sys/fs/bpf", ""},
	}
}

// prepare makes a machine out of a booted kernel: file systems, the loopback
// link, and no helper program that the kernel would call in vain.
func prepare() error {
	for _, m := range mounts() {
		err := unix.Mount(m.kind, m.at, m.kind, 0, m.options)
		if err != nil && !optional(m.kind, err) {
			return fmt.Errorf("mounting %s: %w", m.at, err)
		}
	}
	// Every module is loaded before the snapshot. What the kernel would ask
	// modprobe for later is not there, and asking costs a process each time.
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte("\n"), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return loopbackUp()
}

// optional says whether a kernel may lack a file system: only some backends
// need these two, and their probes will tell.
func optional(kind string, err error) bool {
	return (kind == "bpf" || kind == "cgroup2") && (errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT))
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	defer unix.Close(s)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req); err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	return nil
}

// loadModules loads the image's modules in its order. One that the kernel
// refuses is told and passed over: only some backend needs it, and its probe
// will say what is missing.
func loadModules() (int, error) {
	order, err := os.ReadFile(image.ModuleOrder)
	if err != nil {
		return 0, err
	}
	loaded := 0
	for _, name := range strings.Fields(string(order)) {
		if err := loadModule(image.ModuleDir + "/" + name + ".ko"); err != nil {
			note("the module %s cannot be loaded: %v", name, err)
			continue
		}
		loaded++
	}
	return loaded, nil
}

func loadModule(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.FinitModule(int(f.Fd()), "", 0)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}
