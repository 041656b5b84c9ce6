package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/tail"
	"github.com/svcmark/svcmark/lab/vm/qemu"
	"github.com/svcmark/svcmark/lab/vm/wire"
)

var (
	errLongLine = fmt.Errorf("the worker printed a line of more than %d bytes", maxLine)
	// errSilent is why the context of a run ends when the guest says nothing.
	errSilent = errors.New("no sign of life")
)

// Run runs a worker in a fresh guest: see lab.Lab. Its environment has only PATH and
// HOME, its directory is /.
func (l *Lab) Run(ctx context.Context, job lab.Job, event func(line []byte)) error {
	l.running.Add(1)
	defer l.running.Done()
	if job.Perturb < 0 {
		return fmt.Errorf("the job's perturbation is negative: %d", job.Perturb)
	}
	frame, err := (&wire.Job{Args: job.Args, Input: job.Input, Perturb: job.Perturb}).Marshal()
	if err != nil {
		return err
	}
	files := qemu.Files{Kernel: l.kernelFile, Root: l.rootFile, Job: frame}
	if l.snapshot != nil {
		// Opened anew, for an offset of its own; by its descriptor, for it may have been
		// pruned.
		files.Snapshot, err = os.Open(fmt.Sprintf("/proc/self/fd/%d", l.snapshot.Fd()))
		if err != nil {
			return err
		}
		defer files.Snapshot.Close()
	}
	_, err = l.run(ctx, files, event)
	return err
}

// run runs a guest to its end. It gives what the guest said of the end, if it did.
func (l *Lab) run(ctx context.Context, files qemu.Files, event func([]byte)) (*wire.End, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(l.options.Timeout, func() { cancel(errSilent) })
	defer silence.Stop()

	p, err := qemu.Start(ctx, l.spawner, l.program, l.machine, files)
	if err != nil {
		return nil, l.failure("the guest did not start", "", nil, because(ctx, err))
	}
	defer p.Close()
	// Whatever ends the run ends QEMU, and with it the listening.
	defer context.AfterFunc(ctx, p.Kill)()

	if files.Snapshot != nil {
		processor := l.processors.take()
		defer l.processors.give(processor)
		if err := p.Restore(ctx, processor); err != nil {
			return nil, l.failure("the guest's snapshot could not be restored", p.Console(), nil, because(ctx, err))
		}
	}
	heard := listen(p.Results, event, func() { silence.Reset(l.options.Timeout) })
	p.Kill()
	return heard.end, l.verdict(ctx, p, heard)
}

// because gives the reason for which a context ended, if it did, else err.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// verdict makes an error of what was heard, or nil when the worker ended well.
func (l *Lab) verdict(ctx context.Context, p *qemu.Process, heard *listener) error {
	worker, console := heard.tail.Lines(), p.Console()
	if end := heard.end; end != nil && heard.err == nil {
		reason := ""
		switch {
		case end.Error != "":
			return l.failure("the guest could not run the worker: "+end.Error, console, worker, nil)
		case end.Signal != "":
			reason = "killed by " + end.Signal
		case end.Exit != 0:
			reason = fmt.Sprintf("exit status %d", end.Exit)
		case end.OOM != "":
			reason = "the worker itself lived on"
		default:
			return nil
		}
		if end.OOM != "" {
			reason = fmt.Sprintf("out of memory (the guest has %d MiB; %s): %s", l.options.MemoryMiB, end.OOM, reason)
		}
		return &lab.RunError{Reason: reason, Tail: worker}
	}
	if ctx.Err() != nil {
		return l.failure("", console, worker, context.Cause(ctx))
	}
	if why, around := panicked(console); why != "" {
		return &lab.RunError{Reason: "kernel panic: " + why, Tail: around}
	}
	if q := p.Said(); q != "" {
		worker = append(worker, tail.Plain(q)...)
	}
	return l.failure("the guest ended before its worker", console, worker, heard.err)
}

// failure makes a RunError. Its reason begins with what ended the run from
// outside, if something did.
func (l *Lab) failure(reason, console string, worker []string, err error) error {
	switch {
	case errors.Is(err, errSilent):
		reason, err = fmt.Sprintf("no sign of life for %v", l.options.Timeout), nil
	case errors.Is(err, context.Canceled):
		reason = "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		reason = "out of time"
	case err != nil && reason == "":
		reason = err.Error()
	case err != nil:
		reason = fmt.Sprintf("%s: %v", reason, err)
	}
	lines := append(worker, tail.Last(tail.Plain(console))...)
	return &lab.RunError{Reason: reason, Tail: tail.Last(lines), Err: err}
}
