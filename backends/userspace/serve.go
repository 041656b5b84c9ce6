package userspace

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
)

// Verb is the argument with which a program that holds a Backend starts itself again
// as the proxy.
const Verb = "userspace-proxy"

// Serve is the proxy's life: it takes requests from in and answers them on out, until
// in ends, for a proxy whose starter has died goes with it, or another proxy takes its
// place. It leaves its rules behind.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	seat, err := takeSeat(ctx)
	if err != nil {
		return err
	}
	defer seat.leave()
	go func() {
		seat.wait()
		cancel(nil)
	}()
	requests := make(chan *request)
	go func() {
		defer cancel(nil)
		for read := gob.NewDecoder(in); ; {
			r := &request{}
			if err := read.Decode(r); err != nil {
				return // a starter that stops in the middle of a word has died, too
			}
			select {
			case requests <- r:
			case <-ctx.Done():
				return
			}
		}
	}()
	p := newProxy(cancel)
	defer p.close()
	answer := gob.NewEncoder(out)
	err = answer.Encode(newReply(nil))
	for err == nil {
		select {
		case <-ctx.Done():
			// What was cancelled without a reason is an ordinary end.
			if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
				return fmt.Errorf("userspace proxy: %w", cause)
			}
			return nil
		case r := <-requests:
			err = answer.Encode(newReply(p.serve(ctx, r)))
		}
	}
	return fmt.Errorf("answering: %w", err)
}
