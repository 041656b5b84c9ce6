// Package lab is where experiments run: an isolated node with a client and
// endpoint hosts around it, on the running kernel (netns) or in a microVM with
// a full kernel of its own (vm), and the clock that goes with it.
//
// The package has two sides. Outside, a Lab starts this program again, as a
// worker, in a place of its own. Inside, the worker is already on the node (its
// process lives in the node's network namespace) and builds the Topology
// around it. Both labs look the same from inside.
package lab

import (
	"context"
	"strings"
)

// Lab runs workers, each in an isolated node of its own.
type Lab interface {
	// Run starts this program again with job.Args inside a fresh node and
	// waits for its end. Each line that the worker prints on stdout is handed
	// to event, in order, from one goroutine; line has no newline and is valid
	// only during the call. When ctx ends the worker and everything around it
	// is killed. A worker that fails, hangs past ctx, or takes its machine
	// down gives a *RunError. Run may be called concurrently.
	Run(ctx context.Context, job Job, event func(line []byte)) error

	// Clock is the clock that workers in this lab read.
	Clock() Clock

	// Close frees what the lab holds. Nothing of it is left on the machine.
	Close() error
}

// Job is one worker's work.
type Job struct {
	Args  []string // arguments of this program, the worker's verb first
	Input []byte   // the worker's stdin

	// Perturb shifts the phase of the guest's timers in the virtual clock by
	// a few thousand instructions times its value, before the worker starts.
	// 0 shifts nothing; labs with a wall clock ignore it.
	Perturb int
}

// RunError says how a worker ended when it did not end well.
type RunError struct {
	Reason string   // one line: "exit status 5", "kernel panic", "out of memory", "no sign of life for 60s"
	Tail   []string // the last lines of its stderr or of its machine's console
	Err    error    // context.Canceled, …; may be nil
}

func (e *RunError) Error() string {
	if len(e.Tail) == 0 {
		return e.Reason
	}
	return e.Reason + "\n  | " + strings.Join(e.Tail, "\n  | ")
}

// Unwrap gives the cause.
func (e *RunError) Unwrap() error { return e.Err }
