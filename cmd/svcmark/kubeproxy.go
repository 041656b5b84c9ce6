package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/lab/vm/image"
)

// kubeProxy is a kube-proxy to measure. The label tells several apart; without one it
// is "".
type kubeProxy struct{ label, path string }

// kubeProxyName is what backends and programs of kube-proxies are called by.
const kubeProxyName = "kube-proxy"

// name is the program's, apart from others'.
func (k kubeProxy) name() string {
	if k.label == "" {
		return kubeProxyName
	}
	return kubeProxyName + "@" + k.label
}

// backend is the backend's name in a mode.
func (k kubeProxy) backend(mode string) string { return k.name() + "-" + mode }

// kubeProxies are those that a command line names. As a flag's value it takes PATH
// and LABEL=PATH.
type kubeProxies []kubeProxy

// String implements pflag.Value.
func (k *kubeProxies) String() string { return strings.Join(k.args(), " ") }

// Type implements pflag.Value.
func (*kubeProxies) Type() string { return "[label=]path" }

var proxyLabel = regexp.MustCompile(`^[a-zA-Z0-9]+(\.[a-zA-Z0-9]+)*$`)

// Set implements pflag.Value.
func (k *kubeProxies) Set(text string) error {
	label, path, labelled := strings.Cut(text, "=")
	if strings.Contains(label, "/") { // a path that has a = in it
		labelled = false
	}
	if !labelled {
		label, path = "", text
	} else if !proxyLabel.MatchString(label) {
		return fmt.Errorf("the label %q: want letters and digits, with dots between, such as v1.36", label)
	}
	if path == "" {
		return fmt.Errorf("want PATH or LABEL=PATH")
	}
	if slices.ContainsFunc(*k, func(o kubeProxy) bool { return o.label == label }) {
		if !labelled {
			return fmt.Errorf("two programs without a label: want LABEL=PATH, so that their figures can be told apart")
		}
		return fmt.Errorf("two programs have the label %q", label)
	}
	*k = append(*k, kubeProxy{label, path})
	return nil
}

// args give the same again, as values of the flag.
func (k *kubeProxies) args() []string {
	var args []string
	for _, p := range *k {
		value := p.path
		if p.label != "" {
			value = p.label + "=" + value
		}
		args = append(args, "--"+kubeProxyName, value)
	}
	return args
}

// found are the same by their absolute paths; without any, the one that make
// kube-proxy builds beside this program, or else that of PATH.
func (k kubeProxies) found(exe string) (kubeProxies, error) {
	if len(k) == 0 {
		beside := filepath.Join(filepath.Dir(exe), kubeProxyName)
		for _, path := range []string{beside, kubeProxyName} {
			if found, err := exec.LookPath(path); err == nil {
				return kubeProxies{{path: found}}, nil
			}
		}
		return kubeProxies{{path: kubeProxyName}}, nil // whoever needs it will say that it is missing
	}
	var all kubeProxies
	for _, p := range k {
		path, err := filepath.Abs(p.path)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, usagef("--%s: %w", kubeProxyName, err)
		case info.IsDir() || info.Mode()&0o111 == 0:
			return nil, usagef("--%s: %s is no program", kubeProxyName, path)
		}
		all = append(all, kubeProxy{p.label, path})
	}
	return all, nil
}

// variants are the backends that take the place of those of a kube-proxy without a
// label, where all have one: a scenario need not know what they are called.
func (k kubeProxies) variants() map[string][]string {
	variants := map[string][]string{}
	for mode := range proxyModes() {
		for _, p := range k {
			if p.label == "" {
				return nil
			}
			generic := kubeProxy{}.backend(mode)
			variants[generic] = append(variants[generic], p.backend(mode))
		}
	}
	return variants
}

// labels are those of the kube-proxies, nil when one has none.
func (k kubeProxies) labels() []string {
	var labels []string
	for _, p := range k {
		if p.label == "" {
			return nil
		}
		labels = append(labels, p.label)
	}
	return labels
}

// used are those that are there and whose backends are among the names.
func (k kubeProxies) used(names []string) kubeProxies {
	var used kubeProxies
	for _, p := range k {
		of := func(name string) bool { return strings.HasPrefix(name, p.name()+"-") }
		if filepath.IsAbs(p.path) && slices.ContainsFunc(names, of) {
			used = append(used, p)
		}
	}
	return used
}

// tools are the programs as they go into a guest.
func (k kubeProxies) tools() []image.Tool {
	var tools []image.Tool
	for _, p := range k {
		tools = append(tools, image.Tool{Name: p.name(), File: p.path})
	}
	return tools
}

// inGuest are the same as a guest with the tools has them.
func (k kubeProxies) inGuest() kubeProxies {
	var in kubeProxies
	for _, p := range k {
		in = append(in, kubeProxy{p.label, "/usr/sbin/" + p.name()})
	}
	return in
}
