package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/exec"
	"github.com/svcmark/svcmark/backends/kubeproxy"
	"github.com/svcmark/svcmark/lab/vm/image"
	"github.com/svcmark/svcmark/scenarios"
)

// programs are those that a run measures and does not come with.
type programs struct {
	proxies kubeProxies
	execs   execPaths // of the backends that the scenario defines
}

// args are those with which a worker has the same programs.
func (p programs) args() []string { return append(p.proxies.args(), p.execs.args()...) }

// used are those that backends of these names need; defined are the scenario's own.
func (p programs) used(names []string, defined []scenarios.Program) programs {
	names = slices.Clone(names)
	for _, d := range defined {
		if k := d.KubeProxy; k != nil {
			names = append(names, kubeProxy{label: k.Label}.backend(k.Mode))
		}
	}
	return programs{p.proxies.used(names), p.execs}
}

// tools are the programs as they go into a guest.
func (p programs) tools() []image.Tool { return append(p.proxies.tools(), p.execs.tools()...) }

// inGuest are the same as a guest with the tools has them.
func (p programs) inGuest() programs { return programs{p.proxies.inGuest(), p.execs.inGuest()} }

// define makes the backend that a scenario defines.
func (p programs) define(d *scenarios.Program) (backends.Backend, error) {
	if e := d.Exec; e != nil {
		o := exec.Options{Name: d.Name, Path: p.execs[d.Name], Args: e.Command[1:], Timeout: e.Ready.Timeout, Interval: e.Ready.Interval}
		for _, v := range e.Env {
			o.Env = append(o.Env, v.Name+"="+v.Value)
		}
		return exec.New(o), nil
	}
	k := d.KubeProxy
	if err := checkProgram(d); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(p.proxies, func(o kubeProxy) bool { return o.label == k.Label })
	if at < 0 {
		return nil, fmt.Errorf("no kube-proxy has the label %q; name one with --%s %s=PATH", k.Label, kubeProxyName, k.Label)
	}
	o := proxyModes()[k.Mode]
	o.Program, o.Flags, o.Configuration = p.proxies[at].path, k.Flags, k.Configuration
	return kubeproxy.New(o), nil
}

// checkProgram refuses what no program could be run by, whatever programs there are.
func checkProgram(d *scenarios.Program) error {
	k := d.KubeProxy
	if k == nil {
		return nil
	}
	if modes := slices.Sorted(maps.Keys(proxyModes())); !slices.Contains(modes, k.Mode) {
		return fmt.Errorf("kube-proxy has no mode %q; %s", k.Mode, scenarios.Instead(k.Mode, modes))
	}
	return errors.Join(kubeproxy.CheckFlags(k.Flags), kubeproxy.CheckConfiguration(k.Configuration))
}

// execPaths are the programs of backends by their names. As a flag's value it takes
// NAME=PATH.
type execPaths map[string]string

// execFlag is the flag of the worker's verb.
const execFlag = "exec"

// String implements pflag.Value.
func (e *execPaths) String() string { return strings.Join(e.args(), " ") }

// Type implements pflag.Value.
func (*execPaths) Type() string { return "name=path" }

// Set implements pflag.Value.
func (e *execPaths) Set(text string) error {
	name, path, ok := strings.Cut(text, "=")
	if !ok {
		return errors.New("want NAME=PATH")
	}
	if *e == nil {
		*e = execPaths{}
	}
	(*e)[name] = path
	return nil
}

func (e *execPaths) args() []string {
	var args []string
	for _, name := range slices.Sorted(maps.Keys(*e)) {
		args = append(args, "--"+execFlag, name+"="+(*e)[name])
	}
	return args
}

// execsOf finds the programs that a scenario's backends run: with a slash from the
// scenario's folder, without one in PATH.
func execsOf(scenario string, defined []scenarios.Program) (execPaths, error) {
	paths := execPaths{}
	for _, d := range defined {
		if d.Exec == nil {
			continue
		}
		found, err := findExec(scenario, d.Exec.Command[0])
		if err != nil {
			return nil, usagef("%s: the program of the backend %s: %s", scenario, d.Name, reason(err))
		}
		paths[d.Name] = found
	}
	return paths, nil
}

// findExec is the absolute path of a program without symbolic links.
func findExec(scenario, path string) (found string, err error) {
	if strings.Contains(path, "/") {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(scenario), path)
		}
		if path, err = filepath.Abs(path); err != nil { // else it might lose its only slash
			return "", err
		}
	}
	if found, err = osexec.LookPath(path); err != nil {
		return "", err
	}
	if found, err = filepath.Abs(found); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(found)
}

// reason is what went wrong with a file, and with which.
func reason(err error) string {
	if e := (*osexec.Error)(nil); errors.As(err, &e) {
		if errors.Is(e.Err, os.ErrNotExist) {
			return e.Name + " is not there"
		}
		return e.Name + " cannot be run: " + e.Err.Error()
	}
	return err.Error()
}

func (e execPaths) tools() []image.Tool {
	var tools []image.Tool
	for _, name := range slices.Sorted(maps.Keys(e)) {
		tools = append(tools, image.Tool{Name: execTool(name), File: e[name]})
	}
	return tools
}

func (e execPaths) inGuest() execPaths {
	in := execPaths{}
	for name := range e {
		in[name] = "/usr/sbin/" + execTool(name)
	}
	return in
}

// execTool is what the program of a backend is called in a guest, where it hides none
// of the tools.
func execTool(name string) string { return "exec-" + name }
