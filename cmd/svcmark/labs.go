package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm"
	"github.com/svcmark/svcmark/lab/vm/image"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/runner"
	"github.com/svcmark/svcmark/scenarios"
)

// labFlags choose where a scenario runs.
type labFlags struct {
	lab     string
	clock   string
	kernel  string
	modules string
	memory  int

	skipMissing bool // leave out what the lab cannot run

	silence  time.Duration // after which a guest counts as hung; 0 is the lab's own
	programs programs      // that the backends need
}

func (f *labFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.lab, "lab", "auto", "`where`: netns (this kernel), vm (a microVM), or auto (netns if it has all that the backends need)")
	flags.StringVar(&f.clock, "clock", "auto", "`clock`: virtual (exact instructions, vm only), wall, or auto (virtual in a vm)")
	for flag, values := range map[string][]string{"lab": {"auto", "netns", "vm"}, "clock": {"auto", "virtual", "wall"}} {
		// Fails for a flag that does not exist, and these do.
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	f.registerGuest(cmd)
}

// registerGuest registers the flags that describe the vm lab's guest.
func (f *labFlags) registerGuest(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.kernel, "kernel", "", "boot this `kernel` in the vm lab: the path of an image, or a release such as 6.1.0-56-cloud-amd64 (default: the distribution's cloud kernel)")
	flags.StringVar(&f.modules, "modules", "", "the `directory` of the modules of a kernel that was given by its path")
	flags.IntVar(&f.memory, "memory", 0, "give each guest so many `MiB` (default: enough for the largest preset)")
}

// check finds mistakes in the flags that were registered: the others are "".
func (f *labFlags) check() error {
	if f.lab != "" && !slices.Contains([]string{"auto", "netns", "vm"}, f.lab) {
		return usagef("--lab %q: want auto, netns or vm", f.lab)
	}
	if f.clock != "" && !slices.Contains([]string{"auto", "virtual", "wall"}, f.clock) {
		return usagef("--clock %q: want auto, virtual or wall", f.clock)
	}
	if f.lab == "netns" && f.clock == "virtual" {
		return usagef("--clock virtual needs --lab vm: a running kernel has no virtual clock")
	}
	if f.modules != "" && !f.kernelIsPath() {
		return usagef("--modules needs --kernel with the path of the image that they belong to")
	}
	paths := map[string]string{"--modules": f.modules}
	if f.kernelIsPath() {
		paths["--kernel"] = f.kernel
	}
	for flag, path := range paths {
		if _, err := os.Stat(path); path != "" && err != nil {
			return usagef("%s: %w", flag, err)
		}
	}
	return nil
}

// kernelIsPath tells the path of an image from a release, which has no slash.
func (f *labFlags) kernelIsPath() bool { return strings.Contains(f.kernel, "/") }

// opened is a lab with what can run in it.
type opened struct {
	lab.Lab
	registry    runner.Registry
	fingerprint results.Fingerprint
	missing     map[string]string // backends that are left out, with the reason
}

// open chooses the lab, makes sure that every backend can run in it, and says
// what its figures belong to.
func (f *labFlags) open(ctx context.Context, s *streams, scenario *scenarios.Scenario) (*opened, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if f.lab != "vm" && f.clock != "virtual" {
		l, reg := &lab.NetNS{Executable: exe}, registryWith(f.programs)
		left, missing, err := f.missing(ctx, l, reg, scenario)
		if err == nil && missing == nil && (len(left) == 0 || f.lab == "netns") {
			env, err := l.Environment(image.Versions(ctx, append(image.Tools(), f.programs.used(scenario.Backends, scenario.Programs).tools()...)))
			return &opened{l, reg, fingerprint("netns", l, env, exe), left}, err
		}
		if f.lab == "netns" || ctx.Err() != nil {
			return nil, errors.Join(err, missing)
		}
		why := errors.Join(err, missing)
		for name, reason := range left {
			why = errors.Join(why, fmt.Errorf("backend %s cannot run on this kernel: %s", name, reason))
		}
		fmt.Fprintf(s.err, "Using the vm lab: %v\n", why)
	}
	return f.openVM(ctx, s.err, exe, scenario)
}

func (f *labFlags) openVM(ctx context.Context, log io.Writer, exe string, scenario *scenarios.Scenario) (*opened, error) {
	options, reg := f.guest(exe, log), registryWith(f.programs.inGuest())
	options.Tools = append(image.Tools(), f.programs.used(scenario.Backends, scenario.Programs).tools()...)
	l, err := vm.New(ctx, options)
	if err != nil {
		return nil, err
	}
	left, missing, err := f.missing(ctx, l, reg, scenario)
	if err := errors.Join(err, missing); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	env, err := l.Environment()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &opened{l, reg, fingerprint("vm", l, env, exe), left}, nil
}

// guest describes the vm lab's guest.
func (f *labFlags) guest(exe string, log io.Writer) vm.Options {
	o := vm.Options{
		Executable: exe, Modules: f.modules, MemoryMiB: f.memory, Timeout: f.silence,
		Log: func(line string) { fmt.Fprintln(log, line) },
	}
	if f.kernelIsPath() {
		o.Kernel = f.kernel
	} else {
		o.Release = f.kernel
	}
	if f.clock == string(lab.Wall) {
		o.Clock = lab.Wall
	}
	return o
}

// missing probes the backends in the lab. What it lacks for the first that cannot run is
// an answer of its own, unless such backends are to be left out and others remain.
func (f *labFlags) missing(ctx context.Context, l lab.Lab, reg runner.Registry, s *scenarios.Scenario) (left map[string]string, missing, err error) {
	found, err := reg.Probe(ctx, l, s.Backends, s.Programs)
	if err != nil {
		return nil, nil, err
	}
	left = map[string]string{}
	for _, n := range s.Backends {
		m := found[n]
		if m == nil {
			continue
		}
		left[n] = m.Error()
		if missing == nil {
			missing = fmt.Errorf("backend %s cannot run here: %w", n, m)
		}
	}
	if f.skipMissing && len(left) < len(s.Backends) {
		return left, nil, nil
	}
	return nil, missing, nil
}

func fingerprint(name string, l lab.Lab, env lab.Environment, exe string) results.Fingerprint {
	return results.Fingerprint{
		Svcmark: version(), Binary: sum(exe), Lab: name, Clock: string(l.Clock()),
		Kernel: env.Kernel, CPU: env.CPU, QEMU: env.QEMU, Guest: env.Guest, Tools: env.Tools,
	}
}

// sum is the sha256 of a file, "" when it cannot be read.
func sum(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// cellsAtATime is how many cells run at once: in the virtual clock they cannot
// disturb each other, in the wall clock they would.
func cellsAtATime(c lab.Clock) int {
	if c == lab.Virtual {
		return runtime.NumCPU()
	}
	return 1
}
