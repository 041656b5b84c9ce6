package vm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm/guest"
	"github.com/svcmark/svcmark/lab/vm/image"
	"github.com/svcmark/svcmark/lab/vm/kernel"
	"github.com/svcmark/svcmark/lab/vm/qemu"
)

// Lab runs each worker in a microVM of its own. It is a lab.Lab.
type Lab struct {
	options  Options
	program  string // QEMU's path
	version  string // QEMU's
	kernel   *kernel.Image
	kernelAt kernel.Kernel
	image    *image.Image
	machine  qemu.Machine

	processors           *processors
	kernelFile, rootFile *os.File
	snapshot             *os.File // nil when guests boot
	spawner              *qemu.Spawner
	running              sync.WaitGroup
}

var _ lab.Lab = (*Lab)(nil)

// New prepares a Lab: it finds the kernel, or fetches it, builds the guest's root,
// and boots the guest once to make the snapshot from which every Run starts. All
// three are kept in the cache, so that only the first New takes long (some 15
// seconds and a download). What this machine lacks is a
// *backends.NotSupportedError.
func New(ctx context.Context, options Options) (*Lab, error) {
	o, err := options.complete()
	if err != nil {
		return nil, err
	}
	l := &Lab{options: o, processors: newProcessors(filepath.Join(o.Cache, "processors"))}
	if l.program, l.version, err = findQEMU(ctx, o.QEMU); err != nil {
		return nil, err
	}
	if err := l.findKernel(ctx); err != nil {
		return nil, err
	}
	l.machine = qemu.Machine{
		Accel:     qemu.Counted,
		MemoryMiB: o.MemoryMiB,
		CPUs:      o.CPUs,
		Append:    guest.Env + "=" + guest.Snapshot,
		JobFile:   guest.JobFile,
	}
	if l.kernelFile, err = qemu.Memfile("kernel", l.kernel.Boot()); err != nil {
		return nil, err
	}
	if l.rootFile, err = qemu.Memfile("root", l.image.CPIO); err != nil {
		l.kernelFile.Close()
		return nil, err
	}
	l.spawner = qemu.NewSpawner()
	if o.Clock == lab.Wall {
		err = l.chooseWall(ctx)
	} else {
		l.snapshot, err = l.openSnapshot(ctx)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// findQEMU gives QEMU's path and version.
func findQEMU(ctx context.Context, name string) (path, version string, err error) {
	if runtime.GOARCH != "amd64" {
		return "", "", &backends.NotSupportedError{Feature: "the vm lab on " + runtime.GOARCH}
	}
	missing := func(err error) error {
		return &backends.NotSupportedError{
			Feature: "QEMU (" + name + ")",
			Mend:    "sudo apt-get install --no-install-recommends qemu-system-x86",
			Err:     err,
		}
	}
	path, err = exec.LookPath(name)
	if err != nil {
		return "", "", missing(err)
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", "", missing(err)
	}
	line, _, _ := bytes.Cut(out, []byte("\n"))
	return path, strings.TrimPrefix(string(line), "QEMU emulator version "), nil
}

// findKernel finds the kernel and builds the root that goes with it.
func (l *Lab) findKernel(ctx context.Context) error {
	o := l.options
	if err := image.CheckStatic(o.Executable); err != nil {
		return err
	}
	var err error
	l.kernelAt, err = kernel.Source{
		Image: o.Kernel, Modules: o.Modules, Release: o.Release,
		Cache: filepath.Join(o.Cache, "kernels"), Log: o.Log,
	}.Find(ctx)
	if err != nil {
		return err
	}
	if l.kernel, err = kernel.ReadImage(l.kernelAt.Image); err != nil {
		return err
	}
	if l.kernel.Note != "" {
		o.Log("the kernel boots compressed: " + l.kernel.Note)
	}
	spec := image.Spec{Init: o.Executable, Tools: o.Tools}
	if l.kernelAt.Modules != "" {
		modules, err := kernel.OpenModules(l.kernelAt.Modules)
		if err != nil {
			return err
		}
		if spec.Modules, err = modules.Select(o.Load); err != nil {
			return err
		}
	}
	l.image, err = image.Build(ctx, spec)
	return err
}

// Clock is the clock that workers read.
func (l *Lab) Clock() lab.Clock { return l.options.Clock }

// Close waits for the Runs that are under way, and frees what the Lab holds. The
// cache stays.
func (l *Lab) Close() error {
	l.running.Wait()
	l.spawner.Close()
	errs := []error{l.kernelFile.Close(), l.rootFile.Close()}
	if l.snapshot != nil {
		errs = append(errs, l.snapshot.Close())
	}
	return errors.Join(errs...)
}

// guestSum identifies everything that decides what state a guest starts from: two
// Labs with the same sum may share a snapshot.
func (l *Lab) guestSum() string {
	h := sha256.New()
	fmt.Fprintf(h, "qemu %s\nkernel %x\nroot %x\nargs %q\n",
		l.version, sha256.Sum256(l.kernel.Boot()), l.image.Sum, l.machine.Args())
	return fmt.Sprintf("%x", h.Sum(nil))
}
