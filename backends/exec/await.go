package exec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/svcmark/svcmark/backends"
)

// await waits until packets find what the changes say. Each is asked after until it is
// so, the last one first: a program that works in order, or in one step, is done when
// that is. Whatever was so at the first time of asking has been so for longer, and does
// not count as the end; and what was so once is not asked after again. The end is when
// it looks so; that it is so is made sure of afterwards.
func (b *Backend) await(ctx context.Context, changes []backends.Change) error {
	if b.judge == nil {
		return errors.New("nobody is there to judge by packets what it has done")
	}
	ctx, cancel := context.WithTimeout(ctx, b.options.Timeout)
	defer cancel()
	for i := range changes {
		at := (i + len(changes) - 1) % len(changes)
		if err := b.awaitOne(ctx, changes[at], i == 0); err != nil {
			return err
		}
	}
	return nil
}

// awaitOne waits for one change. Unless it counts anyway, it counts only when it was
// not so at first.
func (b *Backend) awaitOne(ctx context.Context, c backends.Change, counts bool) error {
	tick := time.NewTicker(b.options.Interval)
	defer tick.Stop()
	for {
		wrong := b.judge(ctx, c, b.options.Interval, false)
		if wrong == nil {
			if counts && b.complete != nil {
				b.complete()
			}
			if c.Old == nil { // an answer is no accident
				return nil
			}
			if wrong = b.judge(ctx, c, b.options.Interval, true); wrong == nil {
				return nil
			}
		}
		counts = true
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return b.process.Explain(fmt.Errorf("packets do not find what they should within %s: %w", b.options.Timeout, wrong))
			}
			return ctx.Err()
		case <-b.process.Ended():
			return b.process.Alive()
		case <-tick.C:
		}
	}
}
