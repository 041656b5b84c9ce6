package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/svcmark/svcmark/lab/vm"
	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/report/page"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/runner"
	"github.com/svcmark/svcmark/scenarios"
)

// runFlags are the flags of the run verb as they were typed.
type runFlags struct {
	scenarios.Overrides
	lab      labFlags
	proxies  kubeProxies // as they were named
	seed     uint64
	out      string
	resume   bool
	parallel int
	shard    string
	timeout  time.Duration
	plots    bool
	calib    bool

	reference string
}

func newRun(s *streams) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [SCENARIO]",
		Short: "Run a scenario file or a preset and write a run",
		Long: "Run every cell of a scenario, each on a fresh isolated node, and write a run\n" +
			"directory with its samples, fingerprint and plots. SCENARIO is a YAML file or one\n" +
			"of the presets:\n\n" + presetHelp() + "\n" +
			"A cell proves by packets that every Service reaches its own endpoints before any\n" +
			"figure of it is kept. Ctrl-C stops at once; --resume goes on from there.",
		Example: `  svcmark run                                    the preset quick
  svcmark run quick --services 10,1000 --backends direct,ipvs
  svcmark run quick --lab netns --clock wall      on this machine's own kernel
  svcmark run kube-proxy --kube-proxy bin/kube-proxy
  svcmark run kube-proxy --kube-proxy old=./kube-proxy-1.35 --kube-proxy new=./kube-proxy
  svcmark run kube-proxy --lab netns --skip-missing   without ipvs, where the kernel has none
  svcmark run my.yaml --out results/mine
  svcmark run imported.yaml --times 1,2,3,4       the cluster, and what becomes of it as it grows
  svcmark run my.yaml --out results/mine --resume
  svcmark run scale --shard 1/4 --out results/part1`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return presetNames(), cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "quick"
			if len(args) == 1 {
				name = args[0]
			}
			if cmd.Flags().Changed("seed") {
				f.Seed = &f.seed
			}
			return f.run(cmd.Context(), s, name)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.Backends, "backends", nil, "run these `backends` instead of the scenario's: "+strings.Join(registryWith(programs{proxies: kubeProxies{{path: kubeProxyName}}}).Known().Backends, ", "))
	flags.Var(&f.proxies, kubeProxyName, "measure this kube-proxy, several with a label each: kube-proxy@LABEL-nftables (default: the one beside svcmark, or in PATH)")
	flags.IntSliceVar(&f.Services, "services", nil, "run at these `numbers` of Services instead of the scenario's")
	flags.IntSliceVar(&f.Endpoints, "endpoints", nil, "run with these `numbers` of endpoints per Service")
	flags.IntSliceVar(&f.Times, "times", nil, "run a scenario that lists its Services, such as an imported cluster, so `many` times over: 1,2,3,4")
	flags.StringSliceVar(&f.Measure, "measure", nil, "take these `measurements`: "+strings.Join(registry().Known().Measurements, ", "))
	flags.IntVar(&f.Repeat, "repeat", 0, "repeat every cell so often (default: 1 in the virtual clock, where each more begins at another phase of the timers, and 6 in the wall clock)")
	flags.Uint64Var(&f.seed, "seed", 0, "generate the Services from this `seed`")
	flags.StringVarP(&f.out, "out", "o", "", "write the run into this `directory` (default: a new one under results/)")
	flags.BoolVar(&f.resume, "resume", false, "go on with the unfinished run in --out")
	flags.IntVar(&f.parallel, "parallel", 0, "run so many `cells` at a time (default: the cores in the virtual clock, 1 in the wall clock)")
	flags.StringVar(&f.shard, "shard", "", "run only part `i/n` of the cells")
	flags.DurationVar(&f.timeout, "cell-timeout", 15*time.Minute, "give a cell up after this real time")
	flags.BoolVar(&f.calib, "calibrate", true, "in the wall clock, find the machine's noise first: the smallest cell again and again, some seconds")
	flags.BoolVar(&f.plots, "plots", true, "draw the plots and the page of the finished run")
	flags.BoolVar(&f.lab.skipMissing, "skip-missing", false, "leave out backends that the lab cannot run: their cells are n/a, with the reason")
	flags.StringVar(&f.reference, "reference", "", "say how the run stands to the run in this `directory`: byte-identical, or what differs")
	f.lab.register(cmd)
	return cmd
}

func (f *runFlags) run(ctx context.Context, s *streams, name string) error {
	if err := f.lab.check(); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if f.lab.programs.proxies, err = f.proxies.found(exe); err != nil {
		return err
	}
	f.Variants, f.Labels = f.lab.programs.proxies.variants(), f.lab.programs.proxies.labels()
	known := registryWith(f.lab.programs).Known()
	file := known
	file.Backends = slices.AppendSeq(slices.Clone(known.Backends), maps.Keys(f.Variants))
	file.Program = checkProgram
	scenario, err := scenarios.Load(name, file)
	if err != nil {
		return err
	}
	known.Program = func(d *scenarios.Program) error { _, err := f.lab.programs.define(d); return err }
	if scenario, err = scenario.With(f.Overrides, known); err != nil {
		return err
	}
	if f.lab.programs.execs, err = execsOf(name, scenario.Programs); err != nil {
		return err
	}
	if f.out, err = f.dir(scenario); err != nil {
		return err
	}
	run, err := f.start(ctx, s, scenario)
	if err != nil {
		if ctx.Err() != nil && results.Check(f.out) != nil { // a run was begun there
			fmt.Fprintf(s.err, "What is finished is kept: go on with svcmark run %s --out %s --resume\n", name, f.out)
		}
		return err
	}
	var differs error
	if f.reference != "" {
		differs = compareReference(s.err, run, f.reference)
	}
	return errors.Join(differs, f.show(s, run))
}

// start runs a scenario into the directory that out names.
func (f *runFlags) start(ctx context.Context, s *streams, scenario *scenarios.Scenario) (*results.Run, error) {
	shard, err := parseShard(f.shard)
	if err != nil {
		return nil, err
	}
	if !f.resume { // before anything is started
		if err := results.Check(f.out); err != nil {
			return nil, usageError{err}
		}
	}
	// One sync is one silence: whoever lets a cell take longer means it.
	f.lab.silence = max(vm.DefaultTimeout, f.timeout)
	l, err := f.lab.open(ctx, s, scenario)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	l.fingerprint.Scenario, l.fingerprint.Seed = scenario.Hash(), scenario.Seed

	parallel := f.parallel
	if parallel <= 0 {
		parallel = cellsAtATime(l.Clock())
	}
	progress := newProgress(s.err)
	run, err := runner.Run(ctx, runner.Options{
		Scenario: scenario, Registry: l.registry, Lab: l, Fingerprint: l.fingerprint,
		Dir: f.out, Resume: f.resume, Parallel: parallel, Shard: shard,
		CellTimeout: f.timeout, Calibrate: f.calib, Progress: progress.step, Missing: l.missing,
	})
	progress.stop()
	return run, err
}

// show prints what the run found.
func (f *runFlags) show(s *streams, run *results.Run) error {
	r, err := report.Build(run)
	if err != nil {
		return err
	}
	if err := r.Body(s.out); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\nSamples: %s\n", filepath.Join(run.Dir, samplesFile))
	if f.plots {
		dir := filepath.Join(run.Dir, "plots")
		files, err := r.Plots(dir)
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, plotsText(dir, files))
		file := filepath.Join(run.Dir, "report.html")
		if err := writeTo(file, func(w io.Writer) error { return page.Write(w, r) }); err != nil {
			return err
		}
		fmt.Fprintln(s.out, "Page: "+file)
	}
	fmt.Fprintln(s.out, "\n"+r.Verdict())
	return failures(run)
}

// plotsText names the pictures in one line.
func plotsText(dir string, files []string) string {
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, ".png") {
			names = append(names, filepath.Base(file))
		}
	}
	if len(names) == 0 {
		return "Plots: none, for want of values"
	}
	return "Plots: " + dir + string(filepath.Separator) + " " + strings.Join(names, " ") + " (and each as SVG)"
}

// failures is an error when cells of the run failed.
func failures(run *results.Run) error {
	failed := 0
	for _, c := range run.Meta.Cells {
		if c.Status == results.Failed {
			failed++
		}
	}
	if failed > 0 {
		return failedCells{failed, len(run.Meta.Cells)}
	}
	return nil
}

// dir is the run's directory.
func (f *runFlags) dir(s *scenarios.Scenario) (string, error) {
	if f.out != "" {
		return f.out, nil
	}
	if f.resume {
		return "", usagef("--resume needs --out: the directory of the run to go on with")
	}
	return filepath.Join("results", s.Metadata.Name+"-"+time.Now().UTC().Format("20060102-150405")), nil
}

func parseShard(text string) (runner.Shard, error) {
	if text == "" {
		return runner.Shard{}, nil
	}
	i, n, ok := strings.Cut(text, "/")
	index, err1 := strconv.Atoi(i)
	count, err2 := strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || index < 1 || index > count {
		return runner.Shard{}, usagef("--shard %q: want i/n with 1 <= i <= n, such as 2/4", text)
	}
	return runner.Shard{Index: index, Count: count}, nil
}

func presetNames() []string {
	var names []string
	for _, p := range scenarios.Presets() {
		names = append(names, p.Name)
	}
	return names
}

func presetHelp() string {
	var b strings.Builder
	for _, p := range scenarios.Presets() {
		fmt.Fprintf(&b, "  %-13s %s\n", p.Name, p.Description)
	}
	return b.String()
}
