package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/svcmark/svcmark/lab/asking"
)

// Asking is a client that asks beside what is measured.
type Asking struct {
	cmd     *exec.Cmd
	in      io.Closer
	out     *json.Decoder
	restore func() error
}

// Ask starts askers at the client, and returns when each has had replies. An urgent
// client, and the servers that answer, go before everybody else who wants a processor:
// what a question waits for then is what the kernel lets nobody interrupt.
func (t *Topology) Ask(ctx context.Context, urgent bool, askers ...asking.Asker) (a *Asking, err error) {
	job, err := json.Marshal(askers)
	if err != nil {
		return nil, err
	}
	a = &Asking{restore: func() error { return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("starting the client that asks: %w", err), a.abandon())
		}
	}()
	return a, t.Client.Do(func() error { // the child inherits this thread's namespace
		a.cmd = exec.CommandContext(ctx, "/proc/self/exe", asking.Verb)
		a.cmd.Args[0] = os.Args[0] // this program's name, for whoever lists processes
		a.cmd.Stderr = os.Stderr
		in, err := a.cmd.StdinPipe()
		if err != nil {
			return err
		}
		out, err := a.cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := a.cmd.Start(); err != nil {
			return err
		}
		a.in, a.out = in, json.NewDecoder(out)
		if urgent {
			if a.restore, err = t.urgent(a.cmd.Process.Pid); err != nil {
				return err
			}
		}
		if _, err := in.Write(append(job, '\n')); err != nil {
			return err
		}
		var ready string
		if err := a.out.Decode(&ready); err != nil || ready != asking.Ready {
			return fmt.Errorf("its process did not get ready: %q (%w)", ready, err)
		}
		return nil
	})
}

// End gives the replies to each asker, once all questions that were due by now have had
// theirs or were given up, in the order in which they were due. Times are readings of Now.
func (a *Asking) End() (replies [][]asking.Reply, err error) {
	_ = a.in.Close()
	err = a.out.Decode(&replies)
	if err = errors.Join(err, a.cmd.Wait(), a.restore()); err != nil {
		return nil, fmt.Errorf("the client that asks: %w", err)
	}
	offset := asking.Monotonic() - Now()
	for _, of := range replies {
		for i := range of {
			of[i].Due, of[i].At = of[i].Due-offset, of[i].At-offset
		}
	}
	return replies, nil
}

func (a *Asking) abandon() error {
	if a.in != nil {
		_ = a.in.Close()
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait()
	}
	return a.restore()
}
