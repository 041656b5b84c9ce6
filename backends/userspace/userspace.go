// Package userspace serves Services the way kube-proxy's userspace mode did until it
// was removed in Kubernetes 1.26: a process listens on a port of its own for every
// ServicePort, rules of iptables-legacy lead to it what clients send to the Service,
// and it passes the bytes on over connections that it opens itself, to one endpoint
// after the other. What it does was found by reading kube-proxy v1.25.16
// (pkg/proxy/userspace).
//
// The process is this program, started again with the argument Verb: its processor
// time and memory are the dataplane's, as kube-proxy's were. It runs from Prepare, or
// the first Sync, until Cleanup, or until whoever started it has ended. A node has one
// at a time: the next one takes its place.
//
// As in the original
//   - rules are looked for and made one at a time, each by two runs of iptables, and
//     every sync looks for those of all Services; but a change of endpoints alone
//     needs no rule, and so no sync;
//   - endpoints see the node's address; traffic policies, hints, source ranges and
//     health check ports do not count, and endpoints that are not ready get nothing,
//     even if they serve while they terminate;
//   - SCTP is not served;
//   - one connection is accepted and led to an endpoint at a time for each
//     ServicePort, so that an endpoint which does not answer holds up the others;
//   - a UDP packet longer than 4 KiB is cut.
//
// What differs, on purpose:
//   - Rules lie in the state's order, and endpoints take turns in theirs; in the
//     original both orders are random.
//   - There is a proxier for each family that the node has; the original served one.
//   - Each way of a TCP connection ends by itself; the original closed both when one
//     had ended, and what was still on its way was lost.
//   - A UDP client whose endpoint is gone is led to another at once; in the original
//     it kept its endpoint until it had paused for the idle timeout.
//   - UDP flows that conntrack remembers of an address are forgotten when its rules
//     come or change, and not only when they go.
//   - A ServicePort that cannot be served is an error; the original logged it.
//   - Sync over a running process looks whether its chains hold rules of others, and
//     then makes them anew.
package userspace

import (
	"context"
	"errors"
	"fmt"

	"github.com/svcmark/svcmark/backends"
)

// Backend is the side of the dataplane that starts the process and tells it what to
// serve. The zero value is ready.
type Backend struct {
	process *process        // nil while none runs
	state   *backends.State // what it serves, nil when that is unknown
}

var (
	_ backends.Applier  = (*Backend)(nil)
	_ backends.Preparer = (*Backend)(nil)
	_ backends.Renderer = (*Backend)(nil)
)

// New makes the Backend. It touches nothing.
func New() *Backend { return &Backend{} }

// Endpoints are those that the process asks in a client's stead.
func (*Backend) Endpoints(p *backends.ServicePort) []backends.Endpoint {
	if p.Protocol == backends.SCTP {
		return nil
	}
	return used(p)
}

// Prepare implements backends.Preparer: it starts the process, unless it runs.
func (b *Backend) Prepare(ctx context.Context, state *backends.State) error {
	if err := errors.Join(ctx.Err(), state.Check()); err != nil {
		return fmt.Errorf("userspace: %w", err)
	}
	if b.process != nil && b.process.alive() == nil {
		return nil
	}
	b.stop()
	p, err := start(ctx)
	if err != nil {
		return fmt.Errorf("userspace: %w", err)
	}
	b.process = p
	return nil
}

// Sync implements backends.Backend.
func (b *Backend) Sync(ctx context.Context, state *backends.State) error {
	if err := b.Prepare(ctx, state); err != nil {
		return err
	}
	b.state = nil
	if err := b.ask(ctx, &request{State: state}); err != nil {
		return err
	}
	b.state = state
	return nil
}

// Apply implements backends.Applier.
func (b *Backend) Apply(ctx context.Context, d *backends.Delta) error {
	switch {
	case b.process == nil || b.state == nil:
		return errors.New("userspace: nothing was synced before")
	case b.state != d.From && len(backends.Diff(b.state, d.From).Changes) > 0:
		return errors.New("userspace: the change does not lead from the last state")
	case !d.SameNode():
		return errors.New("userspace: the node changed, which needs a full sync")
	}
	if err := errors.Join(ctx.Err(), d.To.Check()); err != nil {
		return fmt.Errorf("userspace: %w", err)
	}
	b.state = nil
	if err := b.ask(ctx, &request{Changes: changesOf(d)}); err != nil {
		return err
	}
	b.state = d.To
	return nil
}

func (b *Backend) ask(ctx context.Context, r *request) error {
	err := b.process.ask(ctx, r)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil { // it was killed in the middle
		b.stop()
		err = ctx.Err()
	}
	return fmt.Errorf("userspace: %w", err)
}

// Cleanup implements backends.Backend. The built-in chains, which the first use of a
// table makes, stay.
func (b *Backend) Cleanup(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.stop()
	if err := dismiss(ctx); err != nil {
		return fmt.Errorf("userspace: %w", err)
	}
	for _, f := range backends.Families() {
		if err := removeRules(ctx, f); err != nil {
			return fmt.Errorf("userspace: %w", err)
		}
	}
	return nil
}

// Kill ends the process, and leaves its rules.
func (b *Backend) Kill() error {
	b.stop()
	return nil
}

func (b *Backend) stop() {
	if b.process != nil {
		b.process.kill()
		<-b.process.ended
	}
	b.process, b.state = nil, nil
}

// Processes are the programs of the backend that run, by their number.
func (b *Backend) Processes() []int {
	if b.process == nil {
		return nil
	}
	return []int{b.process.pid()}
}

// Alive is why the process does not run any more, nil while it does or never did.
func (b *Backend) Alive() error {
	if b.process == nil {
		return nil
	}
	return b.process.alive()
}
