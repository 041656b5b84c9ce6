// Package backends holds the vocabulary that every room shares: the Services
// that a node's dataplane should serve, and the interface of what programs the
// kernel to serve them. Each dataplane is a folder below; this package knows
// none of them.
package backends

import "context"

// A Backend programs one Service dataplane into the kernel.
//
// A Backend works on the network namespace of its own process: the lab starts
// a process inside the node's namespace, with private mounts, and so no
// backend ever names or enters a namespace. Programs that it starts inherit
// that. A Backend is used by one goroutine at a time.
type Backend interface {
	// Probe reports whether this kernel and this machine's tools can run the
	// backend. What is missing satisfies errors.Is(err, ErrNotSupported) and is
	// a *NotSupportedError. Probe leaves nothing behind.
	Probe(ctx context.Context) error

	// Sync makes the kernel equal to the state. When it returns nil every
	// packet that arrives later is handled by that state. The state is not
	// modified and not kept.
	Sync(ctx context.Context, state *State) error

	// Cleanup removes everything that the backend made and nothing else. It is
	// idempotent, and works for a fresh Backend over what another one left.
	Cleanup(ctx context.Context) error
}
