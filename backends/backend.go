// Package backends holds the vocabulary that every room shares: the Services
// that a node's dataplane should serve, and the interface of what programs the
// kernel to serve them. Each dataplane is a folder below; this package knows
// none of them.
package backends

import (
	"context"
	"io"
)

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
	// packet that arrives later is handled by that state. What is merely left
	// over and serves nobody may stay until a later call (see Settler).
	Sync(ctx context.Context, state *State) error

	// Cleanup removes everything that the backend made and nothing else. It is
	// idempotent, and works for a fresh Backend over what another one left.
	Cleanup(ctx context.Context) error
}

// Preparer is a Backend that has work to do before it can sync a State, such as the
// start of a program that stays, which is no part of a sync.
type Preparer interface {
	// Prepare gets ready for a Sync of this very state, which is to be the next
	// call. Sync does the same where nobody did it before.
	Prepare(ctx context.Context, state *State) error
}

// Applier is a Backend that can take a change alone: kube-proxy's partial sync.
type Applier interface {
	// Apply leads the kernel from delta.From, which this Backend's last call of
	// Sync or Apply must have reached, to delta.To; as for Sync, when it returns
	// nil every later packet is handled by delta.To. After an error the kernel
	// is somewhere in between, and Sync mends it. A change of the node is for
	// Sync: Apply refuses it.
	Apply(ctx context.Context, delta *Delta) error
}

// Settler is a Backend that puts off deleting what nobody uses any more, as
// kube-proxy does on a timer: chains a second after the last rule that led to
// them, real servers when their last connection has ended.
type Settler interface {
	// Settle deletes what may be deleted by now, and says how many objects
	// still wait.
	Settle(ctx context.Context) (waiting int, err error)
}

// Renderer is a Backend that can tell what it would program, touching nothing.
type Renderer interface {
	// Render gives the whole state as input for the native tools, in the order
	// in which they must be fed, and what no tool makes as text.
	Render(state *State) ([]Part, error)
}

// Part is the input of one tool.
type Part struct {
	Name string // a file's name that says what it is: "iptables.rules"
	// Command is the tool and its arguments; it reads the input on stdin. None: no tool
	// takes what the backend makes itself, and the text is for those who read it.
	Command []string
	Write   func(w io.Writer) error // writes the input
}
