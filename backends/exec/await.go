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
// not count as the end; and what was so once is not asked after again.
func (b *Backend) await(ctx context.Context, changes []backends.Change) error {
	if b.judge == nil {
		return errors.New("nobody is there to judge by packets what it has done")
	}
	ctx, cancel := context.WithTimeout(ctx, b.options.Timeout)
	defer cancel()
	for i := range changes {
		at := (i + len(changes) - 1) % len(changes)
		late, err := b.awaitOne(ctx, changes[at])
		if err != nil {
			return err
		}
		if (late || i == 0) && b.complete != nil {
			b.complete()
		}
	}
	return nil
}

// awaitOne says whether it was not so at first.
func (b *Backend) awaitOne(ctx context.Context, c backends.Change) (late bool, err error) {
	tick := time.NewTicker(b.options.Interval)
	defer tick.Stop()
	for {
		wrong := b.judge(ctx, c, b.options.Interval)
		if wrong == nil {
			return late, nil
		}
		late = true
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return late, b.process.Explain(fmt.Errorf("packets do not find what they should within %s: %w", b.options.Timeout, wrong))
			}
			return late, ctx.Err()
		case <-b.process.Ended():
			return late, b.process.Alive()
		case <-tick.C:
		}
	}
}
