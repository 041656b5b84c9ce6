package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Job is what one worker compares, inside a lab.
type Job struct {
	Mode    Mode
	Program string // kube-proxy's path, as the worker sees it
	Cases   string // a regular expression of the names of cases, "" for none
	// Worker does every Workers-th case and state, from the one of its number.
	Worker, Workers int
	Update          bool // only tell what kube-proxy programs
	// Walks is how many random walks of WalkStates clusters there are, and Seed
	// that of the first.
	Walks int
	Seed  uint64
}

// Finding is what a worker found out about one case or state.
type Finding struct {
	Mode   Mode
	Name   string
	Golden string `json:",omitempty"` // what kube-proxy programmed, with Job.Update
	Diff   string `json:",omitempty"` // between two of kube-proxy, the golden file and the built-in backend
	Error  string `json:",omitempty"`
}

// Work does a Job on the node that the process is on.
func (j *Job) Work(ctx context.Context, found func(Finding) error) error {
	cases, err := Cases()
	if err != nil {
		return err
	}
	wanted, err := regexp.Compile(j.Cases)
	if err != nil {
		return err
	}
	cases = slices.DeleteFunc(cases, func(c Case) bool { return j.Cases == "" || !wanted.MatchString(c.Name) })
	for i, c := range cases {
		if i%j.Workers != j.Worker {
			continue
		}
		f := Finding{Mode: j.Mode, Name: c.Name}
		if err := j.compare(ctx, &c, &f); err != nil {
			if ctx.Err() != nil {
				return err
			}
			f.Error = err.Error()
		}
		if err := found(f); err != nil {
			return err
		}
	}
	for i := range j.Walks {
		seed := j.Seed + uint64(i)
		if i%j.Workers != j.Worker {
			continue
		}
		if err := j.walk(ctx, seed, found); err != nil {
			if ctx.Err() != nil {
				return err
			}
			if err := found(Finding{Mode: j.Mode, Name: fmt.Sprintf("walk %d", seed), Error: err.Error()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// WalkStates is how many clusters a walk visits: one by a first sync of both, the
// others by what each does for a change.
const WalkStates = 10

// walk compares kube-proxy and the built-in backend all along a walk.
func (j *Job) walk(ctx context.Context, seed uint64, found func(Finding) error) (err error) {
	w := NewWalk(seed)
	o := w.Objects()
	real, err := StartReal(ctx, j.Program, j.Mode, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, real.Stop()) }()
	b := NewBuiltin(j.Mode)
	if err := b.Sync(ctx, o); err != nil {
		return err
	}
	for i := range WalkStates {
		if i > 0 {
			w.Step()
			if err := lead(ctx, real, b, w); err != nil {
				return fmt.Errorf("state %d: %w", i, err)
			}
		}
		f := Finding{Mode: j.Mode, Name: fmt.Sprintf("walk %d, state %d", seed, i)}
		if f.Diff, err = j.settled(ctx, real, b, w); err != nil {
			return fmt.Errorf("state %d: %w", i, err)
		}
		if err := found(f); err != nil {
			return err
		}
		if f.Diff != "" {
			break // the rest of the way starts from different states
		}
	}
	return b.Clean(ctx)
}

// lead leads both to where the walk is.
func lead(ctx context.Context, real *Real, b *Builtin, w *Walk) error {
	o := w.Objects()
	if err := real.Update(ctx, o); err != nil {
		return err
	}
	if err := b.Update(ctx, o); err != nil {
		return err
	}
	return b.Settle(ctx)
}

// settled is the difference that lasts. kube-proxy's metrics may say that it is
// synced between an event's being counted and its asking for a sync. And in the
// mode nftables it deletes chains in a sync that starts at least a second after
// the last one that found them unused: so it is given something to sync.
func (j *Job) settled(ctx context.Context, real *Real, b *Builtin, w *Walk) (diff string, err error) {
	for range 4 {
		want, err := real.Capture(ctx)
		if err != nil {
			return "", err
		}
		got, err := b.Capture(ctx)
		if err != nil {
			return "", err
		}
		if diff = Diff(want, got); diff == "" {
			return "", nil
		}
		if err := pause(ctx); err != nil {
			return "", err
		}
		if j.Mode == NFTables {
			w.Tick()
			if err := lead(ctx, real, b, w); err != nil {
				return "", err
			}
		}
	}
	return "the built-in backend (+) differs from kube-proxy (-):\n" + diff, nil
}

// pause is a little longer than what kube-proxy waits for.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(1100 * time.Millisecond):
		return nil
	}
}

// compare takes kube-proxy's first sync of a case from nothing.
func (j *Job) compare(ctx context.Context, c *Case, f *Finding) (err error) {
	real, err := StartReal(ctx, j.Program, j.Mode, c.Objects)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, real.Stop()) }()
	want, err := real.Capture(ctx)
	if err != nil {
		return err
	}
	if j.Update {
		f.Golden = want
		return nil
	}
	golden, ok, err := Golden(c.Name, j.Mode)
	switch {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("there is no golden file %s", GoldenName(c.Name, j.Mode))
	}
	if d := Diff(golden, want); d != "" {
		f.Diff = "kube-proxy (+) does not program what the golden file says (-):\n" + d
		return nil
	}
	b := NewBuiltin(j.Mode)
	if err := b.Sync(ctx, c.Objects); err != nil {
		return err
	}
	got, err := b.Capture(ctx)
	if err != nil {
		return err
	}
	if d := Diff(want, got); d != "" {
		f.Diff = "the built-in backend (+) differs from kube-proxy (-):\n" + d
	}
	return b.Clean(ctx)
}
