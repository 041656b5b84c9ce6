package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm"
	"github.com/svcmark/svcmark/lab/vm/image"
	"github.com/svcmark/svcmark/runner"
)

// diagnosis is doctor's answer.
type diagnosis struct {
	Labs []labDiagnosis `json:"labs"`
}

type labDiagnosis struct {
	Lab      string             `json:"lab"`
	Clock    lab.Clock          `json:"clock,omitempty"`
	Kernel   string             `json:"kernel,omitempty"`
	Ready    bool               `json:"ready"`
	Reason   string             `json:"reason,omitempty"`
	Mend     string             `json:"mend,omitempty"`
	Backends []backendDiagnosis `json:"backends,omitempty"`
}

type backendDiagnosis struct {
	Backend string `json:"backend"`
	Ready   bool   `json:"ready"`
	*runner.Missing
}

func newDoctor(s *streams) *cobra.Command {
	var format string
	var f labFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can run, what is missing, and how to mend it",
		Long: "Start each lab for real, probe every backend inside it, and print what is there,\n" +
			"what is missing and the command that mends it. Exit code 3 when no lab can run.",
		Example: "  svcmark doctor\n  svcmark doctor -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return usagef("-o %q: want table or json", format)
			}
			if err := f.check(); err != nil {
				return err
			}
			d := diagnose(cmd.Context(), s.err, &f)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if err := d.write(s.out, format); err != nil {
				return err
			}
			for _, l := range d.Labs {
				if l.Ready {
					return nil
				}
			}
			return &backends.NotSupportedError{Feature: "a lab that works", Mend: "see above"}
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "output `format`: table, json")
	f.registerGuest(cmd)
	return cmd
}

func diagnose(ctx context.Context, log io.Writer, f *labFlags) diagnosis {
	exe, err := os.Executable()
	if err != nil {
		return diagnosis{Labs: []labDiagnosis{{Lab: "netns", Reason: err.Error()}, {Lab: "vm", Reason: err.Error()}}}
	}
	var p programs
	if p.proxies, err = p.proxies.found(exe); err != nil {
		return diagnosis{Labs: []labDiagnosis{{Lab: "netns", Reason: err.Error()}, {Lab: "vm", Reason: err.Error()}}}
	}
	netns := &lab.NetNS{Executable: exe}
	env, err := netns.Environment(image.Versions(ctx, image.Tools()))
	d := diagnosis{Labs: []labDiagnosis{diagnoseLab(ctx, "netns", netns, registryWith(p), env, err)}}

	options, reg := f.guest(exe, log), registryWith(p.inGuest())
	options.Tools = append(image.Tools(), p.used(reg.Known().Backends, nil).tools()...)
	microvm, err := vm.New(ctx, options)
	if err != nil {
		return diagnosis{Labs: append(d.Labs, diagnoseLab(ctx, "vm", nil, reg, env, err))}
	}
	defer microvm.Close()
	env, err = microvm.Environment()
	return diagnosis{Labs: append(d.Labs, diagnoseLab(ctx, "vm", microvm, reg, env, err))}
}

func diagnoseLab(ctx context.Context, name string, l lab.Lab, reg runner.Registry, env lab.Environment, err error) labDiagnosis {
	d := labDiagnosis{Lab: name}
	names := reg.Known().Backends
	var found map[string]*runner.Missing
	if err == nil {
		d.Clock, d.Kernel = l.Clock(), env.Kernel
		found, err = reg.Probe(ctx, l, names, nil)
	}
	if err != nil {
		d.Reason = err.Error()
		var missing *backends.NotSupportedError
		if errors.As(err, &missing) {
			d.Mend = missing.Mend
		}
		return d
	}
	d.Ready = true
	for _, n := range names {
		d.Backends = append(d.Backends, backendDiagnosis{n, found[n] == nil, found[n]})
	}
	return d
}

func (d diagnosis) write(out io.Writer, format string) error {
	if format == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(d)
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LAB\tBACKEND\tREADY\tMISSING\tTO MEND IT")
	for _, l := range d.Labs {
		if !l.Ready {
			fmt.Fprintf(w, "%s\t\tno\t%s\t%s\n", l.Lab, l.Reason, l.Mend)
		}
		for _, b := range l.Backends {
			if b.Ready {
				fmt.Fprintf(w, "%s\t%s\tyes\t\t\n", l.Lab, b.Backend)
				continue
			}
			fmt.Fprintf(w, "%s\t%s\tno\t%s\t%s\n", l.Lab, b.Backend, b.Feature, b.Mend)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, l := range d.Labs {
		if l.Ready {
			fmt.Fprintf(out, "\n%s: %s clock, kernel %s", l.Lab, l.Clock, l.Kernel)
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}
