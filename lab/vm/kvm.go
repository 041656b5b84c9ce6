package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/tail"
	"github.com/svcmark/svcmark/lab/vm/guest"
	"github.com/svcmark/svcmark/lab/vm/qemu"
	"github.com/svcmark/svcmark/lab/vm/wire"
)

// kvmTimeout is how long a guest under KVM may take to boot and say a word. It needs
// one or two seconds where KVM works.
const kvmTimeout = 10 * time.Second

// chooseWall makes the machine one with a wall clock, if there is one to be had.
func (l *Lab) chooseWall(ctx context.Context) error {
	l.machine.Append = guest.Env + "=" + guest.Direct
	l.machine.Accel = qemu.KVM
	err := l.probeKVM(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return &backends.NotSupportedError{
		Feature: "KVM, which the vm lab needs for a wall clock,",
		Mend:    "use the virtual clock, or the netns lab",
		Err:     err,
	}
}

// kvmResult is a probe's result in the cache. It holds for this boot of the machine
// and this QEMU.
type kvmResult struct {
	Boot string `json:"boot"`
	QEMU string `json:"qemu"`
	Fail string `json:"fail"` // "" when a guest booted
}

// probeKVM says why a guest does not boot under KVM, nil when it does. The device
// node alone proves nothing: with some nested virtualisation a guest hangs at once.
func (l *Lab) probeKVM(ctx context.Context) error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return err
	}
	want := kvmResult{Boot: strings.TrimSpace(string(boot)), QEMU: l.version}
	cache := filepath.Join(l.options.Cache, "kvm.json")
	if b, err := os.ReadFile(cache); err == nil {
		var r kvmResult
		if json.Unmarshal(b, &r) == nil && r.Boot == want.Boot && r.QEMU == want.QEMU {
			if r.Fail == "" {
				return nil
			}
			return errors.New(r.Fail)
		}
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return err // at once, and it may be mended: nothing to remember
	}
	f.Close()
	l.options.Log("trying whether a guest boots under KVM")
	err = l.bootKVM(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		want.Fail = err.Error()
	}
	return errors.Join(err, writeWhole(cache, want))
}

// bootKVM boots a guest until it says anything.
func (l *Lab) bootKVM(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, kvmTimeout)
	defer cancel()
	p, err := qemu.Start(ctx, l.spawner, l.program, l.machine, qemu.Files{Kernel: l.kernelFile, Root: l.rootFile})
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("QEMU hung for %v", kvmTimeout)
		}
		return err
	}
	defer p.Close()
	defer context.AfterFunc(ctx, p.Kill)()
	_, _, err = wire.NewReader(p.Results).Next()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("/dev/kvm is there, but a guest did not boot within %v", kvmTimeout)
	case err != nil:
		p.Kill()
		return fmt.Errorf("/dev/kvm is there, but a guest did not boot: %s", strings.Join(tail.Last(tail.Plain(p.Said())), "; "))
	}
	return nil
}

// writeWhole writes v as JSON so that no reader sees half of it.
func writeWhole(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".kvm-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // which fails once it is renamed
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
