package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/runner"
	"github.com/svcmark/svcmark/scenarios"
)

type renderFlags struct {
	view      viewFlags
	zone      string
	backend   string
	part      string
	out       string
	services  int
	endpoints int
	times     int
}

func newRender(s *streams) *cobra.Command {
	var f renderFlags
	cmd := &cobra.Command{
		Use:   "render SCENARIO|-",
		Short: "Print what a backend would program, touching nothing",
		Long: `Print the exact kernel state that a backend would program for a scenario, as text
that the native tools accept, or that says what no tool makes. Nothing is
programmed.

A backend whose state several tools share has several parts. All are printed one
after another, each behind a comment with the tool that it is for; --part prints
one as it is, ready for a pipe, and --out writes a file a part.

SCENARIO is a YAML file, a preset, or - for stdin. Of a scenario with several
points it is the first, or that of --services, --endpoints and --times.`,
		Example: `  svcmark render quick --backend iptables-legacy --services 10
  svcmark render mine.yaml --backend ipvs --out state/
  svcmark render mine.yaml --backend iptables-legacy --part iptables.rules | iptables-restore --test
  svcmark import dump.json | svcmark render - --backend iptables-legacy --node-name worker-3`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return presetNames(), cobra.ShellCompDirectiveDefault
		},
		RunE: func(_ *cobra.Command, args []string) error { return f.run(s, registry(), args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.backend, "backend", "", "the `backend` whose state it is: "+strings.Join(renderers(registry()), ", "))
	flags.StringVar(&f.part, "part", "", "print this `part` alone, as it is")
	flags.StringVarP(&f.out, "out", "o", "", "write the parts into this `directory`, a file each")
	flags.IntVar(&f.services, "services", 0, "render the point with so `many` Services")
	flags.IntVar(&f.endpoints, "endpoints", 0, "render the point with so `many` endpoints per Service")
	flags.IntVar(&f.times, "times", 0, "render a list of Services so `many` times over")
	flags.StringVar(&f.zone, "node-zone", "", "the `zone` of the node")
	f.view.register(cmd)
	return cmd
}

// renderers are the backends that can render.
func renderers(reg runner.Registry) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(reg.Backends)) {
		if _, ok := reg.Backends[name]().(backends.Renderer); ok {
			names = append(names, name)
		}
	}
	return names
}

func (f *renderFlags) run(s *streams, reg runner.Registry, name string) error {
	renderer, err := f.renderer(reg)
	if err != nil {
		return err
	}
	if f.part != "" && f.out != "" {
		return usagef("--part and --out exclude each other")
	}
	scenario, err := f.scenario(s, reg, name)
	if err != nil {
		return err
	}
	point := scenario.Points()[0]
	state := scenario.State(point.Services, point.Endpoints)
	if err := state.Check(); err != nil {
		return usageError{err}
	}
	parts, err := renderer.Render(state)
	if err != nil {
		return err
	}
	switch {
	case f.part != "":
		return f.one(s, parts)
	case f.out != "":
		return f.files(s, state, parts)
	}
	return everything(s.out, state, parts)
}

func (f *renderFlags) renderer(reg runner.Registry) (backends.Renderer, error) {
	able := renderers(reg)
	if f.backend == "" {
		return nil, usagef("--backend is missing: want one of %s", strings.Join(able, ", "))
	}
	make, known := reg.Backends[f.backend]
	if !known {
		return nil, usagef("--backend: unknown backend %q; %s", f.backend, scenarios.Instead(f.backend, able))
	}
	r, ok := make().(backends.Renderer)
	if !ok {
		return nil, usagef("--backend: %s has no state that could be rendered; want one of %s", f.backend, strings.Join(able, ", "))
	}
	return r, nil
}

// scenario is what is rendered: the file's, seen from the node of the flags.
func (f *renderFlags) scenario(s *streams, reg runner.Registry, name string) (*scenarios.Scenario, error) {
	view, err := f.view.options()
	if err != nil {
		return nil, err
	}
	known := reg.Known()
	var scenario *scenarios.Scenario
	if name == "-" {
		scenario, err = scenarios.Read("stdin", s.in, known)
	} else {
		scenario, err = scenarios.Load(name, known)
	}
	if err != nil {
		return nil, err
	}
	scenario.Limits = nil // they keep backends out of runs
	o := scenarios.Overrides{
		NodeName: view.NodeName, NodeZone: f.zone, NodeIPs: view.NodeIPs,
		ClusterCIDRs: view.ClusterCIDRs, ServiceCIDRs: view.ServiceCIDRs,
	}
	if f.services != 0 {
		o.Services = []int{f.services}
	}
	if f.endpoints != 0 {
		o.Endpoints = []int{f.endpoints}
	}
	if f.times != 0 {
		o.Times = []int{f.times}
	}
	return scenario.With(o, known)
}

// one prints one part as it is.
func (f *renderFlags) one(s *streams, parts []backends.Part) error {
	var names []string
	for _, p := range parts {
		if p.Name == f.part {
			w := bufio.NewWriter(s.out)
			if err := p.Write(w); err != nil {
				return err
			}
			return w.Flush()
		}
		names = append(names, p.Name)
	}
	return usagef("--part: %s has no part %q; %s", f.backend, f.part, scenarios.Instead(f.part, names))
}

// everything prints all parts, each behind a comment.
func everything(out io.Writer, state *backends.State, parts []backends.Part) error {
	w := bufio.NewWriter(out)
	for _, u := range state.Unserved {
		fmt.Fprintf(w, "# %s/%s: %s, nothing is programmed\n", u.Namespace, u.Name, u.Reason)
	}
	for _, p := range parts {
		fmt.Fprintf(w, "# %s: %s\n", p.Name, reader(p))
		if err := p.Write(w); err != nil {
			return err
		}
	}
	return w.Flush()
}

// reader says who reads a part.
func reader(p backends.Part) string {
	if len(p.Command) == 0 {
		return "what the backend makes itself"
	}
	return "the input of " + strings.Join(p.Command, " ")
}

// files writes a file a part, none over another.
func (f *renderFlags) files(s *streams, state *backends.State, parts []backends.Part) error {
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return usageError{err}
	}
	for _, p := range parts {
		path := filepath.Join(f.out, p.Name)
		if err := writePart(path, p); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "%s: %s\n", path, reader(p))
	}
	if n := len(state.Unserved); n > 0 {
		fmt.Fprintf(s.err, "nothing is programmed for %d Services\n", n)
	}
	return nil
}

func writePart(path string, p backends.Part) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return usageError{err}
	}
	w := bufio.NewWriter(file)
	if err := p.Write(w); err != nil {
		_ = file.Close()
		return err
	}
	if err := w.Flush(); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
