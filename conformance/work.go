package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Job is what one worker compares, inside a lab.
type Job struct {
	Mode    Mode
	Program string // kube-proxy's path, as the worker sees it
	Cases   string // a regular expression of the names of cases, "" for none
	// Worker does every Workers-th case and state, from the one of its number.
	Worker, Workers int
	Update          bool // only tell what kube-proxy programs
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
	return nil
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
	d, err := Compare(c.Objects, want, got)
	if err != nil {
		return err
	}
	if d != "" {
		f.Diff = "the built-in backend (+) differs from kube-proxy (-):\n" + d
	}
	return b.Clean(ctx)
}
