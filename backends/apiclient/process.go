package apiclient

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Process is a program that runs, with its children.
type Process struct {
	name  string // in errors
	cmd   *exec.Cmd
	log   *Log
	ended chan struct{} // closed when it has ended
	wait  error         // what Wait said, when it has
}

// StartProcess starts a program in a namespace; all that it says goes into the log.
func StartProcess(name string, cmd *exec.Cmd, log *Log, enter Enter) (*Process, error) {
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its children go with it
	cmd.WaitDelay = time.Second                           // what has left its group may hold its output open
	if err := enter.Do(cmd.Start); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	p := &Process{name: name, cmd: cmd, log: log, ended: make(chan struct{})}
	go func() { p.wait = cmd.Wait(); close(p.ended) }()
	return p, nil
}

// PID is the program's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Alive is why the program does not run any more, with the end of its log; nil while
// it does.
func (p *Process) Alive() error {
	if err := p.end(); err != nil {
		return p.Explain(err)
	}
	return nil
}

// Ended is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// end is how the program ended, nil while it runs.
func (p *Process) end() error {
	select {
	case <-p.ended:
		if p.wait == nil {
			return fmt.Errorf("%s ended by itself", p.name)
		}
		return fmt.Errorf("%s ended: %w", p.name, p.wait)
	default:
		return nil
	}
}

// Explain adds the end of the program's log to an error.
func (p *Process) Explain(err error) error {
	if err == nil {
		return nil
	}
	lines := p.log.End()
	if len(lines) == 0 {
		return fmt.Errorf("%w (%s has said nothing)", err, p.name)
	}
	return fmt.Errorf("%w\n  | %s", err, strings.Join(lines, "\n  | "))
}

// Until waits for a condition, which is asked again whenever the program says
// something and, with late set, after each period in which it said nothing. It ends
// with an error when the program does.
func (p *Process) Until(ctx context.Context, patience, period time.Duration, holds func(late bool) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("nothing for %s", patience))
	defer cancel()
	late := false
	for {
		said := p.log.Next()
		ok, err := holds(late)
		if ok || err != nil {
			return err
		}
		late = false
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.ended:
			return p.end()
		case <-said:
		case <-time.After(period):
			late = true
		}
	}
}

// Stop asks the program to end, and kills it and its children when the grace is over;
// without any, at once.
func (p *Process) Stop(grace time.Duration) error {
	if grace > 0 {
		_ = syscall.Kill(p.PID(), syscall.SIGTERM) // it may have ended by itself
		select {
		case <-p.ended:
		case <-time.After(grace):
		}
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // its children may live on
	<-p.ended
	// It was ended by us, so that its status says no more.
	if exit := (*exec.ExitError)(nil); p.wait != nil && !errors.As(p.wait, &exit) && !errors.Is(p.wait, exec.ErrWaitDelay) {
		return p.wait
	}
	return nil
}
