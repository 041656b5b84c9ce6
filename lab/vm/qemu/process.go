package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Files are what a QEMU is given to work on. It gets all of them at each start, for a
// restored machine must be put together as the saved one was.
type Files struct {
	Kernel   *os.File
	Root     *os.File // the initramfs
	Job      []byte
	Snapshot *os.File // to restore; nil boots. Its offset is the process's
}

// Process is a running QEMU.
type Process struct {
	// Results is what the guest writes to its results' port; it ends when QEMU
	// does.
	Results io.Reader

	cmd     *exec.Cmd
	results *os.File
	console *os.File
	control *control
	stderr  bytes.Buffer
	kill    func()

	mu     sync.Mutex
	idle   []int // the threads that yield made wait for everybody
	killed bool
}

// Start starts QEMU with the machine and connects to it. A machine that boots is
// already running then, one that is to be restored waits for Restore. Kill must be
// called on what Start gives, sooner or later.
func Start(ctx context.Context, s *Spawner, program string, m Machine, files Files) (p *Process, err error) {
	var ours, theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
		if err != nil {
			for _, f := range ours {
				f.Close()
			}
		}
	}()

	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("QEMU's control connection: %w", err)
	}
	controlEnd := os.NewFile(uintptr(pair[0]), "control")
	theirControl := os.NewFile(uintptr(pair[1]), "control")
	ours, theirs = append(ours, controlEnd), append(theirs, theirControl)

	results, theirResults, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ours, theirs = append(ours, results), append(theirs, theirResults)
	console, err := Memfile("console", nil)
	if err != nil {
		return nil, err
	}
	ours = append(ours, console)
	job, err := Memfile("job", files.Job)
	if err != nil {
		return nil, err
	}
	theirs = append(theirs, job)

	conn, err := net.FileConn(controlEnd)
	if err != nil {
		return nil, err
	}
	controlEnd.Close()

	args := m.Args()
	// In the order of the fd constants.
	extra := []*os.File{theirControl, theirResults, console, job, files.Kernel, files.Root}
	if files.Snapshot != nil {
		args = append(args, "-incoming", "defer")
		extra = append(extra, files.Snapshot)
	}
	p = &Process{
		Results: results,
		cmd:     exec.Command(program, args...),
		results: results,
		console: console,
		control: newControl(conn.(*net.UnixConn)),
	}
	p.cmd.ExtraFiles = extra
	p.cmd.Stdout, p.cmd.Stderr = &p.stderr, &p.stderr
	p.kill = sync.OnceFunc(func() {
		p.hurry()
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // that it was killed is no news
		conn.Close()
	})
	if err := s.Start(p.cmd); err != nil {
		conn.Close()
		return nil, fmt.Errorf("starting QEMU: %w", err)
	}
	theirControl.Close() // so that QEMU's end ends our reading
	theirResults.Close()
	if err := p.control.greet(ctx); err != nil {
		err = p.died(err)
		p.Kill()
		return nil, err // the deferred function closes the rest
	}
	return p, nil
}

// died adds to an error what QEMU said last, if it is because QEMU ended.
func (p *Process) died(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, unix.EPIPE) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	p.Kill() // it has ended, or is about to; and waiting completes stderr
	return fmt.Errorf("QEMU ended at its start (%v): %s", p.cmd.ProcessState, p.Said())
}

// Save waits until the guest has stopped itself through the panic device, and writes
// its whole state to f. soon must be closed shortly before the guest stops. The
// machine is of no use afterwards.
func (p *Process) Save(ctx context.Context, f *os.File, soon <-chan struct{}, processor int) error {
	select {
	case <-soon:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := p.yield(ctx, processor); err != nil {
		return err
	}
	stopped := func(m message) (bool, error) { return m.Event == "GUEST_PANICKED", nil }
	if err := p.control.event(ctx, stopped); err != nil {
		return p.died(err)
	}
	if err := p.watchMigration(ctx); err != nil {
		return err
	}
	// The default limit is a network's.
	if err := p.control.do(ctx, "migrate-set-parameters", map[string]any{"max-bandwidth": int64(1) << 40}); err != nil {
		return err
	}
	if err := p.control.give(ctx, "snapshot", f); err != nil {
		return err
	}
	if err := p.control.do(ctx, "migrate", map[string]any{"uri": "fd:snapshot"}); err != nil {
		return err
	}
	return p.control.event(ctx, migrated)
}

// Restore loads the snapshot and lets the guest go on, on one processor of the host.
func (p *Process) Restore(ctx context.Context, processor int) error {
	if err := p.watchMigration(ctx); err != nil {
		return p.died(err)
	}
	if err := p.control.do(ctx, "migrate-incoming", map[string]any{"uri": fmt.Sprintf("fd:%d", fdSnapshot)}); err != nil {
		return p.died(err)
	}
	if err := p.control.event(ctx, migrated); err != nil {
		return p.died(err)
	}
	if err := p.yield(ctx, processor); err != nil {
		return err
	}
	return p.control.do(ctx, "cont", nil)
}

func (p *Process) watchMigration(ctx context.Context) error {
	return p.control.do(ctx, "migrate-set-capabilities", map[string]any{
		"capabilities": []map[string]any{{"capability": "events", "state": true}},
	})
}

// Kill ends QEMU, if it has not ended, and waits until it is gone. Results ends.
func (p *Process) Kill() { p.kill() }

// Close frees what Kill leaves readable.
func (p *Process) Close() {
	p.Kill()
	p.results.Close()
	p.console.Close()
}

// Said is what QEMU itself printed. It may be asked after Kill only.
func (p *Process) Said() string { return strings.TrimSpace(p.stderr.String()) }

// Console is what the guest's kernel printed.
func (p *Process) Console() string {
	const most = 1 << 20
	info, err := p.console.Stat()
	if err != nil {
		return ""
	}
	from := max(0, info.Size()-most)
	b := make([]byte, info.Size()-from)
	n, _ := p.console.ReadAt(b, from)
	return string(b[:n])
}

// Memfile gives a file without a name that holds b.
func Memfile(name string, b []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.WriteAt(b, 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
