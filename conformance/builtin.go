package conformance

import (
	"context"
	"fmt"

	"github.com/svcmark/svcmark/backends"
)

// Builtin is a built-in backend at work in this process's network namespace.
type Builtin struct {
	mode    Mode
	backend backends.Backend
	state   *backends.State // what it has programmed, nil for nothing
}

// NewBuiltin makes the Builtin of a mode.
func NewBuiltin(m Mode) *Builtin { return &Builtin{mode: m, backend: m.Backend()} }

// Probe is the backend's own.
func (b *Builtin) Probe(ctx context.Context) error { return b.backend.Probe(ctx) }

// Sync programs the Objects from nothing: what was there is cleaned up before, and
// the node's link set up anew.
func (b *Builtin) Sync(ctx context.Context, o *Objects) error {
	state, err := o.State()
	if err != nil {
		return err
	}
	if err := b.Clean(ctx); err != nil {
		return err
	}
	if err := SetUpNode(state.Node.Addrs); err != nil {
		return err
	}
	if err := b.backend.Sync(ctx, state); err != nil {
		return err
	}
	b.state = state
	return nil
}

// Update changes what is programmed: by a partial sync, if the backend has one.
func (b *Builtin) Update(ctx context.Context, o *Objects) error {
	state, err := o.State()
	if err != nil {
		return err
	}
	if a, ok := b.backend.(backends.Applier); ok {
		err = a.Apply(ctx, backends.Diff(b.state, state))
	} else {
		err = b.backend.Sync(ctx, state)
	}
	b.state = state
	return err
}

// Settle waits until the backend has deleted what it puts off deleting.
func (b *Builtin) Settle(ctx context.Context) error {
	s, ok := b.backend.(backends.Settler)
	if !ok {
		return nil
	}
	for {
		waiting, err := s.Settle(ctx)
		if err != nil || waiting == 0 {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// Capture reads what is programmed.
func (b *Builtin) Capture(ctx context.Context) (string, error) { return Capture(ctx, b.mode) }

// Clean takes everything away.
func (b *Builtin) Clean(ctx context.Context) error {
	b.state = nil
	if err := b.mode.Backend().Cleanup(ctx); err != nil {
		return fmt.Errorf("cleaning up: %w", err)
	}
	b.backend = b.mode.Backend()
	return nil
}
