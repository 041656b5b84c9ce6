package userspace

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// process is a running proxy as its starter sees it.
type process struct {
	cmd     *exec.Cmd
	in, out *os.File // of the process
	write   *gob.Encoder
	read    *gob.Decoder
	ended   chan struct{} // closed when it has ended, and all that it held is free
	err     error         // how it ended; only then
}

// start starts the process and returns when it is ready for a State.
func start(ctx context.Context) (*process, error) {
	in, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	read, out, err := os.Pipe()
	if err != nil {
		write.Close()
		return nil, err
	}
	defer out.Close()
	p := &process{
		cmd: exec.Command("/proc/self/exe", Verb), in: write, out: read,
		write: gob.NewEncoder(write), read: gob.NewDecoder(read), ended: make(chan struct{}),
	}
	p.cmd.Args[0] = os.Args[0] // this program's name, for whoever lists processes
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, out, os.Stderr
	// A process of its own group takes the tools that it is running along when it is
	// killed. When we are, its input ends.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		write.Close()
		read.Close()
		return nil, fmt.Errorf("starting the proxy: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	if err := p.within(ctx, p.answer); err != nil {
		p.kill()
		<-p.ended
		return nil, fmt.Errorf("starting the proxy: %w", err)
	}
	return p, nil
}

// ask has the process serve something, and returns when it does. A context that ends
// kills the process.
func (p *process) ask(ctx context.Context, r *request) error {
	return p.within(ctx, func() error {
		if err := p.write.Encode(r); err != nil {
			return p.explain(fmt.Errorf("asking the proxy: %w", err))
		}
		return p.answer()
	})
}

func (p *process) answer() error {
	var r reply
	if err := p.read.Decode(&r); err != nil {
		return p.explain(fmt.Errorf("reading the proxy's answer: %w", err))
	}
	return r.err()
}

// within kills the process if the context ends before a call does.
func (p *process) within(ctx context.Context, call func() error) error {
	stop := context.AfterFunc(ctx, p.kill)
	err := call()
	if !stop() {
		return ctx.Err()
	}
	return err
}

// explain is why a process that has ended does not answer.
func (p *process) explain(err error) error {
	p.kill() // it does not keep to the protocol, if it runs at all
	<-p.ended
	return errors.Join(p.alive(), err)
}

// kill ends the process and the tools that it is running.
func (p *process) kill() {
	p.in.Close()
	p.out.Close()
	select {
	case <-p.ended: // its number may be another's by now
	default:
		_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// alive is why the process does not run any more, nil while it does.
func (p *process) alive() error {
	select {
	case <-p.ended:
		if p.err == nil {
			return errors.New("the proxy has ended: another one took its place")
		}
		return fmt.Errorf("the proxy has ended: %w", p.err)
	default:
		return nil
	}
}
