package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/svcmark/svcmark/claims"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/scenarios"
)

// claimsFlags are those of svcmark claims.
type claimsFlags struct {
	run    runFlags // of each scenario
	quick  bool
	from   string
	format string
}

func newClaims(s *streams) *cobra.Command {
	var f claimsFlags
	formats := map[string]func(io.Writer, []claims.Finding) error{"table": claims.Text, "md": claims.Markdown, "json": claims.JSON}
	cmd := &cobra.Command{
		Use:   "claims [ID...]",
		Short: "Measure what has been published again, and say whether it holds",
		Long: "Run what published claims about the dataplanes need, and judge each: holds, does not\n" +
			"hold, holds in part, or cannot be judged here, with the reason and the figures. The\n" +
			"shape is judged, that is growth, order and ratio; times belong to their hardware.\n\n" +
			claimsHelp(),
		Example: `  svcmark claims                             all, in the virtual clock
  svcmark claims --quick                     at fewer Services, in some minutes
  svcmark claims C1 C12 --out results/mine   these alone
  svcmark claims --from results/mine -o md   the verdicts on what was measured before`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			write, ok := formats[f.format]
			if !ok {
				return usagef("-o %q: want table, md or json", f.format)
			}
			chosen, err := claims.Select(ids)
			if err != nil {
				return usageError{err}
			}
			runs, err := f.runs(cmd.Context(), s, chosen)
			if err != nil {
				return err
			}
			if err := write(s.out, claims.Judge(chosen, runs)); err != nil {
				return err
			}
			var failed []error
			for _, name := range slices.Sorted(maps.Keys(runs)) {
				failed = append(failed, failures(runs[name]))
			}
			return errors.Join(failed...)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.quick, "quick", false, "run at fewer Services: shorter, and some claims cannot be judged by it")
	flags.StringVar(&f.run.out, "out", "", "write the runs into this `directory`, one a scenario (default: a new one under results/)")
	flags.StringVar(&f.from, "from", "", "run nothing, and judge what is in this `directory`")
	flags.StringVarP(&f.format, "output", "o", "table", "output `format`: table, md, json")
	flags.BoolVar(&f.run.resume, "resume", false, "go on with what is unfinished in --out")
	flags.IntVar(&f.run.parallel, "parallel", 0, "run so many `cells` at a time (default: the cores in the virtual clock, 1 in the wall clock)")
	flags.DurationVar(&f.run.timeout, "cell-timeout", 30*time.Minute, "give a cell up after this real time")
	f.run.lab.register(cmd)
	f.run.calib = true
	f.run.lab.lab = "vm" // where every backend runs, and figures are exact
	flags.Lookup("lab").DefValue = f.run.lab.lab
	return cmd
}

func claimsHelp() string {
	var b strings.Builder
	all, _ := claims.Select(nil) // no name, no mistake
	for _, c := range all {
		fmt.Fprintf(&b, "  %-4s %s\n", c.ID, c.Says)
	}
	return b.String()
}

// runs are those that the claims need, made or read.
func (f *claimsFlags) runs(ctx context.Context, s *streams, chosen []claims.Claim) (claims.Runs, error) {
	needed, err := claims.Scenarios(chosen)
	if err != nil {
		return nil, err
	}
	runs := claims.Runs{}
	if f.from != "" {
		for _, n := range needed {
			run, err := results.Read(filepath.Join(f.from, n.Name))
			if errors.Is(err, fs.ErrNotExist) {
				continue // its claims say so
			}
			if err != nil {
				return nil, usageError{err}
			}
			runs[n.Name] = run
		}
		if len(runs) == 0 && len(needed) > 0 {
			return nil, usagef("--from %s: there is none of the runs %s in it", f.from, strings.Join(names(needed), ", "))
		}
		return runs, nil
	}
	if err := f.run.lab.check(); err != nil {
		return nil, err
	}
	if f.run.resume && f.run.out == "" {
		return nil, usagef("--resume needs --out: the directory of the runs to go on with")
	}
	dir := f.run.out
	if dir == "" {
		dir = filepath.Join("results", "claims-"+time.Now().UTC().Format("20060102-150405"))
	}
	f.run.lab.skipMissing = true // what a lab cannot run is a verdict's reason
	for i, n := range needed {
		fmt.Fprintf(s.err, "%d of %d: %s\n", i+1, len(needed), n.Name)
		if runs[n.Name], err = f.make(ctx, s, n, filepath.Join(dir, n.Name)); err != nil {
			if ctx.Err() != nil {
				fmt.Fprintf(s.err, "What is finished is kept: go on with svcmark claims --out %s --resume\n", dir)
			}
			return nil, err
		}
	}
	fmt.Fprintf(s.err, "Runs: %s\n", dir)
	return runs, nil
}

// make runs one scenario, or takes what is there when the runs are gone on with.
func (f *claimsFlags) make(ctx context.Context, s *streams, n claims.Scenario, dir string) (*results.Run, error) {
	known := registry().Known()
	scenario, err := scenarios.Parse(n.Name, n.Text, known)
	if err != nil {
		return nil, err
	}
	if f.quick {
		if scenario, err = scenario.With(scenarios.Overrides{Services: n.Quick}, known); err != nil {
			return nil, err
		}
	}
	run := f.run
	run.out = dir
	if run.resume {
		if done, err := results.Read(dir); err == nil {
			return done, nil
		}
		if _, err := os.Stat(dir); err != nil {
			run.resume = false
		}
	}
	return run.start(ctx, s, scenario)
}

func names(needed []claims.Scenario) []string {
	var all []string
	for _, n := range needed {
		all = append(all, n.Name)
	}
	return all
}
