package kubeproxy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// A program that hangs is given up, with what it said.
func TestProgramsThatHang(t *testing.T) {
	const patience = 300 * time.Millisecond
	silent := New(Options{Program: program(t, "exec sleep 600"), Patience: patience, Mode: NFTables})
	if _, err := silent.Version(t.Context()); err == nil || !strings.Contains(err.Error(), "--version says nothing within 300ms") {
		t.Errorf("Version: %v", err)
	}
	b := New(Options{Dir: t.TempDir(), Program: program(t, "echo waiting for nobody; exec sleep 600"), Patience: patience, Mode: NFTables})
	err := b.Prepare(t.Context(), empty())
	if err == nil || !strings.Contains(err.Error(), "waiting until kube-proxy has its Node: nothing for 300ms\n  | waiting for nobody") {
		t.Errorf("Prepare: %v", err)
	}
	if got := b.Processes(); len(got) > 0 {
		t.Errorf("the processes %v run", got)
	}
}

// What kube-proxy's metrics say, in its own words.
func TestReport(t *testing.T) {
	m, err := parseMetrics(`# HELP kubeproxy_sync_proxy_rules_duration_seconds x
kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="+Inf"} 3
kubeproxy_sync_proxy_rules_duration_seconds_sum{ip_family="IPv4"} 0.25
kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} 2
kubeproxy_sync_proxy_rules_duration_seconds_sum{ip_family="IPv6"} 0.5
kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv6"} 1
kubeproxy_sync_proxy_rules_iptables_total{ip_family="IPv4",table="filter"} 11
kubeproxy_sync_proxy_rules_iptables_total{ip_family="IPv4",table="nat"} 1.1e+03
kubeproxy_network_programming_duration_seconds_sum{ip_family="IPv4"} 4
kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"} 2
process_cpu_seconds_total 1.5
process_resident_memory_bytes 6.3e+07
go_goroutines 1e9
`)
	if err != nil {
		t.Fatal(err)
	}
	want := backends.SelfReport{Syncs: 3, Syncing: 0.75, Changes: 2, Programming: 4, CPU: 1.5, Resident: 63e6, Rules: 1111}
	if got := reportOf(m); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func FuzzParseMetrics(f *testing.F) {
	for _, text := range []string{"", "kubeproxy_x 1", "kubeproxy_x{a=\"b c\"} NaN\n", "process_", "kubeproxy_x 1 2", "kubeproxy_x  \n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMetrics(text)
		if err == nil {
			reportOf(m)
		}
	})
}

// empty is a node without Services.
func empty() *backends.State { return &backends.State{Node: backends.Node{Name: "n"}} }
