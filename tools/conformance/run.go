package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/svcmark/svcmark/conformance"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm"
	"github.com/svcmark/svcmark/lab/vm/image"
)

// options are the command's flags.
type options struct {
	program string
	modes   string
	cases   string
	lab     string
	update  string
	jobs    int
	walks   int
	seed    uint64
}

func (o *options) register(f *flag.FlagSet) {
	f.StringVar(&o.program, "kube-proxy", "bin/kube-proxy", "the `program` that make kube-proxy builds")
	f.StringVar(&o.modes, "modes", "", "`names` of the modes, with commas between (default all)")
	f.StringVar(&o.cases, "cases", ".", "a regular `expression` of the names of the cases to compare")
	f.IntVar(&o.walks, "walks", 30, fmt.Sprintf("how `many` random walks to compare, each of %d clusters", conformance.WalkStates))
	f.Uint64Var(&o.seed, "seed", 1, "the `seed` of the first walk")
	f.StringVar(&o.lab, "lab", "auto", "`where`: netns, vm, or auto (vm for what needs it)")
	f.StringVar(&o.update, "update", "", "write golden files into this `directory` instead of comparing")
	f.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "how `many` workers run at a time")
}

func (o *options) run(ctx context.Context) error {
	program, err := filepath.Abs(o.program)
	if err != nil {
		return err
	}
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("%w; make kube-proxy builds it", err)
	}
	modes := conformance.Modes()
	if o.modes != "" {
		modes = nil
		for name := range strings.SplitSeq(o.modes, ",") {
			modes = append(modes, conformance.Mode(name))
		}
	}
	r := &run{options: o, program: program, slots: make(chan struct{}, o.jobs), written: map[string]string{}}
	defer r.close()
	var workers sync.WaitGroup
	for _, m := range modes {
		l, seen, err := r.labFor(ctx, m)
		if err != nil {
			return err
		}
		for _, job := range r.jobsOf(m, seen) {
			workers.Go(func() {
				r.slots <- struct{}{}
				defer func() { <-r.slots }()
				r.do(ctx, l, job)
			})
		}
	}
	workers.Wait()
	fmt.Printf("%d compared, %d differ or failed\n", r.compared, r.failed)
	if r.failed > 0 || r.compared == 0 {
		return errors.New("the real kube-proxy and the built-in backends are not shown to be equal")
	}
	return nil
}

// run is one run of the command.
type run struct {
	*options
	program string
	slots   chan struct{}
	vm      *vm.Lab

	mu               sync.Mutex
	compared, failed int
	written          map[string]string // what is in golden files of this run, by path
}

// silence is how long a guest may say nothing: a kube-proxy starts, syncs and
// is compared at a twentieth of this machine's speed, or less of a busy one's.
const silence = 20 * time.Minute

// inGuest is where the guest has kube-proxy.
const inGuest = "/usr/sbin/kube-proxy"

// labFor gives the lab of a mode, and kube-proxy's path in it.
func (r *run) labFor(ctx context.Context, m conformance.Mode) (lab.Lab, string, error) {
	if r.lab == "netns" || r.lab == "auto" && m != conformance.IPVS {
		exe, err := os.Executable()
		return &lab.NetNS{Executable: exe}, r.program, err
	}
	if r.vm == nil {
		tools := append(image.Tools(), image.Tool{Name: filepath.Base(inGuest), File: r.program})
		l, err := vm.New(ctx, vm.Options{Tools: tools, Timeout: silence, Log: func(line string) { fmt.Fprintln(os.Stderr, line) }})
		if err != nil {
			return nil, "", err
		}
		r.vm = l
	}
	return r.vm, inGuest, nil
}

func (r *run) close() {
	if r.vm != nil {
		r.vm.Close()
	}
}

func (r *run) jobsOf(m conformance.Mode, program string) []conformance.Job {
	jobs := make([]conformance.Job, r.jobs)
	for i := range jobs {
		jobs[i] = conformance.Job{Mode: m, Program: program, Cases: r.cases, Update: r.update != "", Worker: i, Workers: r.jobs, Seed: r.seed}
		if r.update == "" {
			jobs[i].Walks = r.walks
		}
	}
	return jobs
}

// do runs a job's worker and tells what it finds.
func (r *run) do(ctx context.Context, l lab.Lab, job conformance.Job) {
	start := time.Now()
	input, err := json.Marshal(job)
	if err == nil {
		err = l.Run(ctx, lab.Job{Args: []string{"worker"}, Input: input}, func(line []byte) { r.tell(line) })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failed++
		fmt.Printf("%s: %v\n", job.Mode, err)
	}
	fmt.Fprintf(os.Stderr, "%s: a worker took %.0f s\n", job.Mode, time.Since(start).Seconds())
}

func (r *run) tell(line []byte) {
	var f conformance.Finding
	if err := json.Unmarshal(line, &f); err != nil {
		f = conformance.Finding{Error: fmt.Sprintf("%v: %s", err, line)}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.compared++
	if f.Golden != "" && f.Error == "" {
		path := filepath.Join(r.update, conformance.GoldenName(f.Name, f.Mode))
		if other, twice := r.written[path]; twice && other != f.Golden {
			f.Diff = "kube-proxy differs between modes that share a golden file:\n" + conformance.Diff(other, f.Golden)
		} else if err := os.WriteFile(path, []byte(f.Golden), 0o644); err != nil {
			f.Error = err.Error()
		}
		r.written[path] = f.Golden
	}
	if f.Diff == "" && f.Error == "" {
		fmt.Printf("ok   %s %s\n", f.Mode, f.Name)
		return
	}
	r.failed++
	fmt.Printf("FAIL %s %s\n%s%s\n", f.Mode, f.Name, f.Diff, f.Error)
}
