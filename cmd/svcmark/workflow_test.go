package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"
)

// workflow is as much of GitHub's workflow files as docs/gate.md uses; a key beyond is a
// mistake (docs.github.com, Workflow syntax for GitHub Actions).
type workflow struct {
	Name string `yaml:"name"`
	On   string `yaml:"on"`
	Jobs map[string]struct {
		RunsOn string         `yaml:"runs-on"`
		Steps  []workflowStep `yaml:"steps"`
	} `yaml:"jobs"`
}

type workflowStep struct {
	Uses string            `yaml:"uses"`
	With map[string]string `yaml:"with"`
	Run  string            `yaml:"run"`
}

// gateSteps are those of the workflow of docs/gate.md.
func gateSteps(t *testing.T, page string) []workflowStep {
	t.Helper()
	_, text, _ := strings.Cut(page, "```yaml\nname: ")
	text, _, found := strings.Cut(text, "```")
	if !found {
		t.Fatal("docs/gate.md has no workflow")
	}
	var w workflow
	d := yaml.NewDecoder(strings.NewReader("name: " + text))
	d.KnownFields(true)
	if err := d.Decode(&w); err != nil {
		t.Fatal(err)
	}
	if len(w.Jobs) != 1 || w.On != "pull_request" || w.Jobs["gate"].RunsOn == "" {
		t.Fatalf("%+v", w)
	}
	return w.Jobs["gate"].Steps
}

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	redirected = regexp.MustCompile(` >>? .*$`)
)

// svcmarkCommands are the arguments of every svcmark in a shell script.
func svcmarkCommands(script string) (all [][]string) {
	for line := range strings.Lines(strings.ReplaceAll(script, "\\\n", " ")) {
		words := strings.Fields(redirected.ReplaceAllString(strings.TrimSpace(line), ""))
		if len(words) > 0 && (words[0] == "svcmark" || strings.HasSuffix(words[0], "/svcmark")) {
			all = append(all, words[1:])
		}
	}
	return all
}

// TestGatePage holds every command of docs/gate.md to the program: verbs, flags and their
// values, presets, and in the workflow targets of make and files that steps before it make.
func TestGatePage(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "docs/gate.md"))
	if err != nil {
		t.Fatal(err)
	}
	steps := gateSteps(t, string(data))
	var script string
	out := map[string]bool{} // what checkouts and builds make
	for _, s := range steps {
		if (s.Uses == "") == (s.Run == "") {
			t.Errorf("%+v: want either uses or run", s)
		}
		script += s.Run + "\n"
		out[s.With["path"]] = true
		if file := s.With["go-version-file"]; file != "" && (file != "svcmark/go.mod" || !out["svcmark"]) {
			t.Errorf("%s is not checked out before", file)
		}
	}
	commands := svcmarkCommands(script)
	if len(commands) != 2 || commands[0][0] != "run" || commands[1][0] != "gate" {
		t.Fatalf("the workflow's commands: %q", commands)
	}
	for _, block := range shellBlock.FindAllStringSubmatch(string(data), -1) {
		commands = append(commands, svcmarkCommands(block[1])...)
	}
	if len(commands) < 4 {
		t.Errorf("only %d commands: %q", len(commands), commands)
	}
	for _, args := range commands {
		cmd, rest, err := newRoot(&streams{out: io.Discard, err: io.Discard}).Find(args)
		if err == nil {
			err = errors.Join(cmd.ParseFlags(rest), cmd.ValidateArgs(cmd.Flags().Args()))
		}
		if err != nil {
			t.Errorf("svcmark %s: %v", strings.Join(args, " "), err)
			continue
		}
		if names := cmd.Flags().Args(); cmd.Name() == "run" && (len(names) != 1 || !slices.Contains(presetNames(), names[0])) {
			t.Errorf("svcmark %s: want a preset", strings.Join(args, " "))
		}
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := regexp.MustCompile(`make -C svcmark (.*)`).FindStringSubmatch(script)
	if targets == nil {
		t.Fatal("svcmark is not built")
	}
	for _, target := range strings.Fields(targets[1]) {
		if !bytes.Contains(makefile, []byte("\n"+target+": ")) {
			t.Errorf("make has no target %s", target)
		}
	}
	// The loop makes kube-proxy.BUILD of each checkout that it names.
	built := regexp.MustCompile(`for build in (.*); do`).FindStringSubmatch(script)
	for _, label := range strings.Fields(built[1]) {
		if !out[label] || !strings.Contains(script, "--kube-proxy "+label+"=./kube-proxy."+label) || !strings.Contains(script, `-o "../kube-proxy.$build"`) {
			t.Errorf("the build %s is not checked out, built and run", label)
		}
	}
}

// TestGateWorkflow runs the workflow's last step as GitHub does, on a real run of the real
// kube-proxy with one of its builds under two labels, and sees each of the gate's answers.
func TestGateWorkflow(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/gate.md"))
	if err != nil {
		t.Fatal(err)
	}
	steps := gateSteps(t, string(page))
	step := steps[len(steps)-1].Run
	bin := buildBinary(t, ".")
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "svcmark/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(bin, filepath.Join(dir, "svcmark/bin/svcmark")); err != nil {
		t.Fatal(err)
	}
	gate := func(want int, said, annotated string) {
		t.Helper()
		summary := filepath.Join(dir, "summary.md")
		if err := os.RemoveAll(summary); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("bash", "-e", "-c", step) // as runs-on's default shell
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GITHUB_STEP_SUMMARY="+summary)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
			t.Fatalf("exit %v, want %d\n%s", err, want, stderr.String())
		}
		text, err := os.ReadFile(summary)
		if err != nil {
			t.Fatal(err)
		}
		junit, err := os.ReadFile(filepath.Join(dir, "gate.xml"))
		if err != nil || !bytes.Contains(junit, []byte("<testsuite ")) {
			t.Errorf("%v: %s", err, junit)
		}
		if !strings.HasPrefix(string(text), "**"+said) || strings.Contains(stderr.String(), "::") != (annotated != "") || !strings.Contains(stderr.String(), annotated) {
			t.Errorf("summary:\n%s\nannotations:\n%s", text, stderr.String())
		}
	}
	reference := filepath.Join(root, "results/reference/kube-proxy")
	builds := filepath.Join(dir, "builds")
	labelled(t, reference, builds, func(_, line string) string { return line })
	gate(0, "pass: ", "")
	labelled(t, reference, builds, func(label, line string) string {
		if label == "new" {
			line = regexp.MustCompile(`^(BenchmarkSync/.* 1) ([0-9]+) insns`).ReplaceAllString(line, "$1 9$2 insns")
		}
		return line
	})
	gate(1, "regression: ", "::error ")

	// A tiny run in the wall clock has too few repetitions to tell anything.
	tiny := filepath.Join(dir, "tiny.yaml")
	if err := os.WriteFile(tiny, []byte("apiVersion: svcmark/v1\nkind: Scenario\nmetadata: {name: tiny}\nservices: {count: 2, endpoints: 1}\nbackends: [iptables-legacy]\nmeasure: [sync]\nrepeat: 2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run := exec.Command(bin, "run", tiny, "--lab", "netns", "--calibrate=false", "--plots=false", "--out", filepath.Join(dir, "tiny"))
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	labelled(t, filepath.Join(dir, "tiny"), builds, func(label, line string) string {
		if label == "new" {
			line = regexp.MustCompile(` 1 ([0-9]+) ns/op`).ReplaceAllString(line, " 1 9$1 ns/op")
		}
		return line
	})
	gate(4, "inconclusive: ", "::warning ")
}

// labelled copies a run as one of two builds of kube-proxy: each line of a figure twice,
// under old and new, as change has it.
func labelled(t *testing.T, from, to string, change func(label, line string) string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	meta, err := os.ReadFile(filepath.Join(from, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	samples, err := os.ReadFile(filepath.Join(from, samplesFile))
	if err != nil {
		t.Fatal(err)
	}
	backend := regexp.MustCompile(`/backend=(?:kube-proxy-)?([a-z-]+)/`)
	var twice strings.Builder
	for line := range strings.Lines(string(samples)) {
		if !backend.MatchString(line) {
			twice.WriteString(line)
			continue
		}
		for _, label := range []string{"old", "new"} {
			twice.WriteString(change(label, backend.ReplaceAllString(line, "/backend=kube-proxy@"+label+"-$1/")))
		}
	}
	if err := errors.Join(os.WriteFile(filepath.Join(to, "run.json"), meta, 0o644), os.WriteFile(filepath.Join(to, samplesFile), []byte(twice.String()), 0o644)); err != nil {
		t.Fatal(err)
	}
}
