package userspace

import (
	"errors"

	"github.com/svcmark/svcmark/backends"
)

// request is what the process is asked to serve from now on, as encoding/gob writes
// it: a whole state, or what changes.
type request struct {
	State   *backends.State
	Changes []change
}

// change is a ServicePort as it is from now on.
type change struct {
	Key backends.Key
	New *backends.ServicePort // nil: it is gone
}

func changesOf(d *backends.Delta) []change {
	changes := make([]change, 0, len(d.Changes))
	for _, c := range d.Changes {
		p := c.New
		if p == nil {
			p = c.Old
		}
		changes = append(changes, change{p.Key(), c.New})
	}
	return changes
}

// reply says that what was asked for is done, or why not. The process also sends one
// when it is ready for the first request.
type reply struct {
	Error   string // "" when all is done
	Missing *missing
}

// missing is a *backends.NotSupportedError on its way.
type missing struct{ Feature, Kernel, Mend, Err string }

func newReply(err error) *reply {
	if err == nil {
		return &reply{}
	}
	r := &reply{Error: err.Error()}
	if m := (*backends.NotSupportedError)(nil); errors.As(err, &m) {
		r.Missing = &missing{Feature: m.Feature, Kernel: m.Kernel, Mend: m.Mend}
		if m.Err != nil {
			r.Missing.Err = m.Err.Error()
		}
	}
	return r
}

func (r *reply) err() error {
	switch {
	case r.Missing != nil:
		err := &backends.NotSupportedError{Feature: r.Missing.Feature, Kernel: r.Missing.Kernel, Mend: r.Missing.Mend}
		if r.Missing.Err != "" {
			err.Err = errors.New(r.Missing.Err)
		}
		return err
	case r.Error != "":
		return errors.New(r.Error)
	}
	return nil
}
