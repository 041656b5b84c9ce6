package kubeproxy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// program writes a shell script that is taken for a kube-proxy.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kube-proxy")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is no kube-proxy is told apart before anything is run for long.
func TestProbeOfOtherPrograms(t *testing.T) {
	for name, c := range map[string]struct{ path, want string }{
		"nothing":   {filepath.Join(t.TempDir(), "none"), "no such file"},
		"a folder":  {t.TempDir(), "permission denied"},
		"another":   {program(t, "echo nft v1.0.6"), `--version says "nft v1.0.6"`},
		"a failing": {program(t, "echo bad flag >&2; exit 2"), "--version ends with exit status 2: bad flag"},
		"a silent":  {program(t, "exit 0"), `--version says ""`},
		"no name":   {"", "kube-proxy is missing"},
	} {
		_, err := New(Options{Program: c.path, Mode: NFTables}).Version(t.Context())
		missing := (*backends.NotSupportedError)(nil)
		if !errors.As(err, &missing) || missing.Mend == "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a NotSupportedError with a mend and %q", name, err, c.want)
		}
	}
	if v, err := New(Options{Program: program(t, "echo Kubernetes v1.36.3")}).Version(t.Context()); v != "v1.36.3" || err != nil {
		t.Errorf("the version is %q, %v", v, err)
	}
}

// A program that exits at once is an error with the end of what it said, and nothing
// of it is left.
func TestPrepareOfAProgramThatEnds(t *testing.T) {
	dir := t.TempDir()
	b := New(Options{Dir: dir, Program: program(t, "echo starting; echo no such mode >&2; exit 3"), Mode: NFTables})
	err := b.Prepare(t.Context(), empty())
	if err == nil || !strings.Contains(err.Error(), "kube-proxy ended: exit status 3") || !strings.Contains(err.Error(), "| no such mode") {
		t.Errorf("Prepare: %v", err)
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := b.Alive(); err != nil {
		t.Errorf("nothing is to run, and is missed: %v", err)
	}
	if got := b.Processes(); len(got) > 0 {
		t.Errorf("the processes %v run", got)
	}
	if err := b.Apply(t.Context(), backends.Diff(empty(), empty())); err == nil {
		t.Error("Apply went on with a program that has ended")
	}
}

// empty is a node without Services.
func empty() *backends.State { return &backends.State{Node: backends.Node{Name: "n"}} }
