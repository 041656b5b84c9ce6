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
	"github.com/svcmark/svcmark/report"
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

// claimsWriter writes what was found of claims.
type claimsWriter func(io.Writer, []claims.Claim, claims.Runs) error

func newClaims(s *streams) *cobra.Command {
	var f claimsFlags
	judged := func(write func(io.Writer, []claims.Finding) error) claimsWriter {
		return func(w io.Writer, chosen []claims.Claim, runs claims.Runs) error {
			return write(w, claims.Judge(chosen, runs))
		}
	}
	formats := map[string]claimsWriter{"table": judged(claims.Text), "md": judged(claims.Markdown), "json": judged(claims.JSON), "html": claims.Page}
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
  svcmark claims --out results/mine --resume go on after an interruption
  svcmark claims --from results/mine -o md   the verdicts on what was measured before`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			write, ok := formats[f.format]
			if !ok {
				return usagef("-o %q: want table, md, json or html", f.format)
			}
			chosen, err := claims.Select(ids)
			if err != nil {
				return usageError{err}
			}
			runs, notRun, err := f.runs(cmd.Context(), s, chosen)
			if err != nil {
				return err
			}
			if err := write(s.out, chosen, runs); err != nil {
				return err
			}
			if err := f.draw(s, chosen, runs); err != nil {
				return err
			}
			failed := []error{notRun}
			for _, name := range slices.Sorted(maps.Keys(runs)) {
				failed = append(failed, failures(runs[name]))
			}
			return errors.Join(failed...)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.quick, "quick", false, "run at fewer Services: shorter, and some claims cannot be judged by it")
	flags.StringVar(&f.run.out, "out", "", "write the runs, the page and the plots into this `directory` (default: a new one under results/, and none with --from)")
	flags.StringVar(&f.from, "from", "", "run nothing, and judge what is in this `directory`")
	flags.StringVarP(&f.format, "output", "o", "table", "output `format`: table, md, json, html")
	flags.BoolVar(&f.run.resume, "resume", false, "go on with what is unfinished in --out")
	flags.IntVar(&f.run.parallel, "parallel", 0, "run so many `cells` at a time (default: the cores in the virtual clock, 1 in the wall clock)")
	flags.DurationVar(&f.run.timeout, "cell-timeout", 20*time.Minute, "give a cell up after this real time")
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

// runs are those that the claims need, made or read. What becomes of one scenario does
// not touch the others: what kept some from running is notRun, beside those that ran.
func (f *claimsFlags) runs(ctx context.Context, s *streams, chosen []claims.Claim) (runs claims.Runs, notRun, err error) {
	needed, err := claims.Scenarios(chosen)
	if err != nil {
		return nil, nil, err
	}
	if f.from != "" {
		runs, err = f.read(s, needed)
		return runs, nil, err
	}
	if err := f.run.lab.check(); err != nil {
		return nil, nil, err
	}
	if f.run.resume && f.run.out == "" {
		return nil, nil, usagef("--resume needs --out: the directory of the runs to go on with")
	}
	if f.run.out == "" {
		f.run.out = filepath.Join("results", "claims-"+time.Now().UTC().Format("20060102-150405"))
	}
	f.run.lab.skipMissing = true // what a lab cannot run is a verdict's reason
	all, err := f.scenarios(needed)
	if err != nil {
		return nil, nil, err
	}
	p := newClaimsPlan(s.err, needed, all, f)
	p.print()
	runs, notRun, err = eachScenario(s.err, names(needed), p, func(i int) (*results.Run, error) {
		return f.make(ctx, s, all[i], filepath.Join(f.run.out, needed[i].Name))
	})
	if ctx.Err() != nil {
		fmt.Fprintf(s.err, "What is finished is kept: go on with svcmark claims --out %s --resume\n", f.run.out)
	}
	return runs, notRun, err
}

// eachScenario makes a run of each scenario. One that fails is part of notRun, and the
// others go on; where they would fare no better, that is err.
func eachScenario(out io.Writer, scenarios []string, p *claimsPlan, run func(i int) (*results.Run, error)) (runs claims.Runs, notRun, err error) {
	runs = claims.Runs{}
	for i, name := range scenarios {
		begin := time.Now()
		fmt.Fprintf(out, "%d of %d: %s\n", i+1, len(scenarios), name)
		made, err := run(i)
		switch {
		case err == nil:
			runs[name] = made
		case exitCode(err) == exitFailed:
			fmt.Fprintf(out, "%s was not run, and the others go on: %v\n", name, err)
			notRun = errors.Join(notRun, fmt.Errorf("the scenario %s: %w", name, err))
		default:
			return nil, nil, err
		}
		p.ended(i, time.Since(begin))
	}
	return runs, notRun, nil
}

// read reads the runs that are there. Claims say which of theirs are not.
func (f *claimsFlags) read(s *streams, needed []claims.Scenario) (claims.Runs, error) {
	runs := claims.Runs{}
	for _, n := range needed {
		run, err := results.Read(filepath.Join(f.from, n.Name))
		var unfinished *results.UnfinishedError
		switch {
		case err == nil:
			runs[n.Name] = run
		case errors.As(err, &unfinished):
			fmt.Fprintf(s.err, "%s is left out: %v\n", n.Name, err)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, usageError{err}
		}
	}
	if len(runs) == 0 && len(needed) > 0 {
		return nil, usagef("--from %s: there is no finished one of the runs %s in it", f.from, strings.Join(names(needed), ", "))
	}
	return runs, nil
}

// scenarios are the texts as they are run.
func (f *claimsFlags) scenarios(needed []claims.Scenario) ([]*scenarios.Scenario, error) {
	known := registry().Known()
	var all []*scenarios.Scenario
	for _, n := range needed {
		scenario, err := scenarios.Parse(n.Name, n.Text, known)
		if err != nil {
			return nil, err
		}
		if f.quick {
			if scenario, err = scenario.With(scenarios.Overrides{Services: n.Quick}, known); err != nil {
				return nil, err
			}
		}
		all = append(all, scenario)
	}
	return all, nil
}

// make runs one scenario, or takes what is there when the runs are gone on with.
func (f *claimsFlags) make(ctx context.Context, s *streams, scenario *scenarios.Scenario, dir string) (*results.Run, error) {
	run := f.run
	run.out = dir
	if run.resume {
		if done, err := results.Read(dir); err == nil {
			if done.Meta.Fingerprint.Scenario != scenario.Hash() {
				return nil, usagef("%s is of another scenario, as with or without --quick: give another --out", dir)
			}
			return done, nil
		}
		if _, err := os.Stat(dir); err != nil {
			run.resume = false
		}
	}
	return run.start(ctx, s, scenario)
}

// draw writes the page and the plots beside the runs.
func (f *claimsFlags) draw(s *streams, chosen []claims.Claim, runs claims.Runs) error {
	if f.run.out == "" {
		return nil
	}
	plots, err := report.DrawOverlays(filepath.Join(f.run.out, "plots"), claims.Pictures(chosen, runs))
	if err != nil {
		return err
	}
	file := filepath.Join(f.run.out, "claims.html")
	if err := writeTo(file, func(w io.Writer) error { return claims.Page(w, chosen, runs) }); err != nil {
		return err
	}
	fmt.Fprintln(s.err, "Runs: "+f.run.out)
	fmt.Fprintln(s.err, plotsText(filepath.Join(f.run.out, "plots"), plots))
	fmt.Fprintln(s.err, "Page: "+file)
	return nil
}

func names(needed []claims.Scenario) []string {
	var all []string
	for _, n := range needed {
		all = append(all, n.Name)
	}
	return all
}
