// Package kubeproxy is the real kube-proxy as a backend: the program itself, run on
// the node in one of its modes, with an API server of its own (cluster/apiserver)
// that tells it what a State is. A change of the State is a change of the API's
// objects, and a sync is complete when kube-proxy says so and its own metrics show
// that it has taken in every change.
//
// kube-proxy runs with its defaults, but for what Config names. While it syncs it
// logs as little as it can and still say that a sync is complete.
package kubeproxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/apiclient"
)

// Options say which program is run, and how.
type Options struct {
	Program  string // kube-proxy's path
	Mode     Mode
	Iptables string // the variant that it finds as iptables; "" is iptables-legacy
	Dir      string // as in Config
	// Flags, Configuration and Patience are as in Config.
	Flags         []string
	Configuration string
	Patience      time.Duration
}

// Backend is a kube-proxy. It starts when it is prepared for a State, and runs until
// Cleanup.
type Backend struct {
	options  Options
	proxy    *Proxy // nil while none runs
	opened   bool   // it has its Services
	state    *backends.State
	complete func()
}

var (
	_ backends.Applier  = (*Backend)(nil)
	_ backends.Preparer = (*Backend)(nil)
	_ backends.Settler  = (*Backend)(nil)
)

// New makes a Backend.
func New(o Options) *Backend {
	if o.Iptables == "" {
		o.Iptables = "iptables-legacy"
	}
	return &Backend{options: o}
}

// Prepare starts kube-proxy and waits until it knows everything but Services.
func (b *Backend) Prepare(ctx context.Context, state *backends.State) error {
	if err := b.prepare(ctx, state); err != nil {
		return fmt.Errorf("kube-proxy: %w", err)
	}
	return nil
}

func (b *Backend) prepare(ctx context.Context, state *backends.State) error {
	if err := state.Check(); err != nil {
		return err
	}
	if err := b.stop(); err != nil {
		return err
	}
	c := Config{
		Program: b.options.Program, Mode: b.options.Mode, Iptables: b.options.Iptables, Terse: true, Dir: b.options.Dir,
		Flags: b.options.Flags, Configuration: b.options.Configuration, Patience: b.options.Patience,
	}
	p, err := Start(ctx, c, apiclient.ObjectsOf(state))
	if err != nil {
		return err
	}
	p.OnComplete(b.complete)
	b.proxy, b.state = p, state
	return nil
}

// Sync implements backends.Backend: it is the first sync of a kube-proxy that has just
// started, over whatever the one before left. A kube-proxy that runs does not look at
// what the kernel has, and so mends nothing.
func (b *Backend) Sync(ctx context.Context, state *backends.State) error {
	if b.proxy == nil || b.opened || b.state != state {
		if err := b.Prepare(ctx, state); err != nil {
			return err
		}
	}
	if err := b.proxy.Open(ctx); err != nil {
		return b.failed(err)
	}
	b.opened = true
	return nil
}

// Apply implements backends.Applier.
func (b *Backend) Apply(ctx context.Context, d *backends.Delta) error {
	switch {
	case !b.opened:
		return errors.New("kube-proxy: nothing was synced before")
	case b.state != d.From && len(backends.Diff(b.state, d.From).Changes) > 0:
		return errors.New("kube-proxy: the change does not lead from the last state")
	case !d.SameNode():
		return errors.New("kube-proxy: the node changed, which needs a full sync")
	}
	if len(d.Changes) == 0 {
		return nil
	}
	if err := d.To.Check(); err != nil {
		return fmt.Errorf("kube-proxy: %w", err)
	}
	change := apiclient.ChangeOf(d)
	change.Stamp(time.Now())
	if err := b.proxy.Update(ctx, change); err != nil {
		return b.failed(err)
	}
	b.state = d.To
	return nil
}

// failed ends a kube-proxy that cannot be gone on with.
func (b *Backend) failed(err error) error {
	return errors.Join(fmt.Errorf("kube-proxy: %w", err), b.stop())
}

// rest is a little longer than kube-proxy's minSyncPeriod in every mode: what
// changes within a second after a sync waits for the second's end
// (pkg/proxy/runner).
const rest = 1100 * time.Millisecond

// Settle implements backends.Settler: it lets kube-proxy's rest after a sync pass,
// so that the next change is not kept waiting. What kube-proxy puts off until its
// next sync stays.
func (b *Backend) Settle(ctx context.Context) (waiting int, err error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(rest):
		return 0, nil
	}
}

// Cleanup implements backends.Backend: kube-proxy ends, and the built-in backend that
// makes the same takes away what it left. kube-proxy --cleanup leaves rules behind.
func (b *Backend) Cleanup(ctx context.Context) error {
	if err := b.stop(); err != nil {
		return fmt.Errorf("kube-proxy: %w", err)
	}
	return b.alike().Cleanup(ctx)
}

// Kill ends kube-proxy as SIGKILL does, and leaves its rules.
func (b *Backend) Kill() error { return b.stop() }

func (b *Backend) stop() error {
	p := b.proxy
	b.proxy, b.opened, b.state = nil, false, nil
	if p == nil {
		return nil
	}
	return p.Stop()
}

// OnComplete has fn called at the moment at which kube-proxy says that a sync is
// complete. When Sync or Apply return, the last call was that of their own sync.
func (b *Backend) OnComplete(fn func()) {
	b.complete = fn
	if b.proxy != nil {
		b.proxy.OnComplete(fn)
	}
}

// Processes are the programs of the backend that run, by their number.
func (b *Backend) Processes() []int {
	if b.proxy == nil {
		return nil
	}
	return []int{b.proxy.PID()}
}

// Alive is why kube-proxy does not run any more, nil while it does or never did.
func (b *Backend) Alive() error {
	if b.proxy == nil {
		return nil
	}
	return b.proxy.Alive()
}
