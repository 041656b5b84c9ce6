package nlbatch

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// maxRefusals bounds what a BatchError keeps: a wrong state can have
// thousands, and the first ones say why.
const maxRefusals = 16

// Refusal is one request that the kernel did not do.
type Refusal struct {
	Errno   unix.Errno // families add their own numbers above the system's
	Request []byte     // the request with its header
	Echo    []byte     // the kernel's copy of it, where the kernel may have written into it; nil without one
	Detail  string     // the kernel's words, "" for none
}

func (r Refusal) Error() string {
	if r.Detail != "" {
		return fmt.Sprintf("%v (%s)", r.Errno, r.Detail)
	}
	return r.Errno.Error()
}

// Is matches the errno.
func (r Refusal) Is(target error) bool { return target == r.Errno }

// BatchError is what went wrong with the requests of a batch. Those that it
// does not name were done, unless Lost.
type BatchError struct {
	Refusals []Refusal // the first ones, in the order of the requests
	Count    int       // of all refusals that arrived
	// Lost says that the socket's queue overflowed: refusals beyond Count
	// may have happened.
	Lost bool
}

func (e *BatchError) Error() string {
	s := fmt.Sprintf("the kernel refused %d netlink requests", e.Count)
	if e.Count > 0 {
		s += ", the first: " + e.Refusals[0].Error()
	}
	if e.Lost {
		s += "; more may be unreported: the reply queue overflowed, raise net.core.rmem_max"
	}
	return s
}

// Unwrap gives the refusals that were kept.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Refusals))
	for i, r := range e.Refusals {
		errs[i] = r
	}
	return errs
}

func (e *BatchError) add(r Refusal) {
	e.Count++
	if len(e.Refusals) < maxRefusals {
		e.Refusals = append(e.Refusals, r)
	}
}

// or is e when it has something to say, else err.
func (e *BatchError) or(err error) error {
	switch {
	case e.Count == 0 && !e.Lost:
		return err
	case err == nil:
		return e
	}
	return fmt.Errorf("%w; %w", e, err)
}
