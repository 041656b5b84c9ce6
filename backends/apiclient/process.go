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
	ended chan error
}

// StartProcess starts a program in a namespace; all that it says goes into the log.
func StartProcess(name string, cmd *exec.Cmd, log *Log, enter Enter) (*Process, error) {
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its children go with it
	cmd.WaitDelay = time.Second                           // what has left its group may hold its output open
	if err := enter.Do(cmd.Start); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	p := &Process{name: name, cmd: cmd, log: log, ended: make(chan error, 1)}
	go func() { p.ended <- cmd.Wait() }()
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

// end is how the program ended, nil while it runs.
func (p *Process) end() error {
	select {
	case err := <-p.ended:
		p.ended <- err
		if err == nil {
			return fmt.Errorf("%s ended by itself", p.name)
		}
		return fmt.Errorf("%s ended: %w", p.name, err)
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
		case err := <-p.ended:
			p.ended <- err
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
		case err := <-p.ended:
			p.ended <- err
		case <-time.After(grace):
		}
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // its children may live on
	err := <-p.ended
	p.ended <- err
	// It was ended by us, so that its status says no more.
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return err
	}
	return nil
}
