// Package direct is the control: it programs nothing, and clients dial an
// endpoint where they would dial the VIP. What a measurement costs with it is
// the lab's own cost.
package direct

import (
	"context"
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// Backend is the control. The zero value is ready.
type Backend struct{}

var _ backends.Backend = Backend{}

// Target is where clients dial p: its first endpoint, or its VIP, which
// nothing serves, when it has none.
func (Backend) Target(p *backends.ServicePort) netip.AddrPort {
	if len(p.Endpoints) == 0 {
		return p.VIP()
	}
	return p.Endpoints[0].Addr
}

// Probe finds nothing missing: every kernel can do nothing.
func (Backend) Probe(ctx context.Context) error { return ctx.Err() }

// Sync programs nothing.
func (Backend) Sync(ctx context.Context, _ *backends.State) error { return ctx.Err() }

// Cleanup has nothing to remove.
func (Backend) Cleanup(ctx context.Context) error { return ctx.Err() }
