package vm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/svcmark/svcmark/lab/vm/flock"
	"github.com/svcmark/svcmark/lab/vm/qemu"
	"github.com/svcmark/svcmark/lab/vm/wire"
)

// keepSnapshots is how many snapshots the cache keeps, the newest in use first. Each
// has some 150 MB, and a new build of svcmark makes a new one.
const keepSnapshots = 4

// bootTimeout bounds the boot of a guest to its snapshot point, which takes some
// 10 seconds on an idle machine.
const bootTimeout = 3 * time.Minute

// openSnapshot gives the snapshot of this Lab's guest, which it makes if the cache
// has none. Who has it open may go on using it when it is pruned.
func (l *Lab) openSnapshot(ctx context.Context) (*os.File, error) {
	dir := filepath.Join(l.options.Cache, "snapshots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, l.guestSum()[:32])
	f, err := openUsed(name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	lock, err := flock.Acquire(ctx, name+".lock")
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	f, err = openUsed(name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err // another process was faster
	}
	l.options.Log("booting the guest once for its snapshot")
	// Under the lock the unfinished file is ours, or that of a killed process.
	if err := l.makeExact(ctx, name+".tmp"); err != nil {
		return nil, errors.Join(err, removeIfThere(name+".tmp"), removeIfThere(name+".lock"))
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return nil, err
	}
	if err := prune(dir, keepSnapshots); err != nil {
		return nil, err
	}
	return os.Open(name)
}

// openUsed opens a snapshot and dates it to now: prune goes by the last use.
func openUsed(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	_ = os.Chtimes(name, now, now) // a read-only cache serves as well
	return f, nil
}

// makeExact makes a snapshot at path that starts where the guest stopped, and not where its
// next timer is due: see qemu's Process.Save.
func (l *Lab) makeExact(ctx context.Context, path string) error {
	const tries = 5
	for range tries {
		if err := l.makeSnapshot(ctx, path); err != nil {
			return err
		}
		exact, err := l.isExact(ctx, path)
		if exact || err != nil {
			return err
		}
		l.options.Log("the snapshot is not exact; booting again")
	}
	return fmt.Errorf("none of %d snapshots of the guest was exact; this machine may be too busy", tries)
}

// isExact asks the snapshot's guest: a job without arguments asks for nothing else.
func (l *Lab) isExact(ctx context.Context, path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	frame, err := new(wire.Job).Marshal()
	if err != nil {
		return false, err
	}
	end, err := l.run(ctx, qemu.Files{Kernel: l.kernelFile, Root: l.rootFile, Job: frame, Snapshot: f}, nil)
	if end != nil && end.Late > 0 {
		return false, nil
	}
	return err == nil, err
}

func (l *Lab) makeSnapshot(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := qemu.Start(ctx, l.spawner, l.program, l.machine, qemu.Files{Kernel: l.kernelFile, Root: l.rootFile})
	if err != nil {
		return l.failure("the guest did not start", "", nil, err)
	}
	defer p.Close()
	listened := make(chan *listener, 1)
	soon := make(chan struct{})
	said := sync.OnceFunc(func() { close(soon) })
	go func() {
		l := listen(p.Results, nil, said)
		p.Kill() // it has ended, or it has said why it will not stop for us
		said()
		listened <- l
	}()
	processor := l.processors.take()
	defer l.processors.give(processor)
	err = p.Save(ctx, f, soon, processor)
	p.Kill()
	heard := <-listened
	switch {
	case heard.end != nil:
		return l.failure("the guest could not be prepared: "+heard.end.Error, p.Console(), heard.tail.Lines(), nil)
	case err != nil:
		return l.failure("the guest did not come up", p.Console(), heard.tail.Lines(), err)
	}
	for _, line := range heard.tail.Lines() {
		l.options.Log(line)
	}
	// A file that a power cut left half empty would be taken for a snapshot.
	if err := f.Sync(); err != nil {
		return fmt.Errorf("the snapshot: %w", err)
	}
	return f.Close()
}

// prune removes all but the keep snapshots that were used last, and what killed
// processes left. One that is being made stays.
func prune(dir string, keep int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	type snapshot struct {
		key  string
		used time.Time // zero without a finished file
	}
	byKey := map[string]*snapshot{}
	for _, e := range entries {
		key, _, unfinished := strings.Cut(e.Name(), ".")
		if byKey[key] == nil {
			byKey[key] = &snapshot{key: key}
		}
		if info, err := e.Info(); err == nil && !unfinished {
			byKey[key].used = info.ModTime()
		}
	}
	var all []*snapshot
	for _, s := range byKey {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *snapshot) int {
		return cmp.Or(b.used.Compare(a.used), cmp.Compare(a.key, b.key))
	})
	for i, s := range all {
		if i < keep && !s.used.IsZero() {
			continue
		}
		name := filepath.Join(dir, s.key)
		lock, err := flock.Try(name + ".lock")
		if errors.Is(err, flock.ErrHeld) {
			continue
		}
		if err != nil {
			return err
		}
		err = errors.Join(removeIfThere(name), removeIfThere(name+".tmp"), removeIfThere(name+".lock"))
		lock.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
