package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/results"
)

// root is the checkout.
const root = "../.."

// TestReadmeExamples runs every "$ svcmark" line of the console blocks of README.md and
// docs/capacity.md in order, in a folder that holds the reference runs, and compares what
// it prints with what is shown. A line "..." there stands for any lines.
func TestReadmeExamples(t *testing.T) {
	bin := buildBinary(t, ".")
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "results"), os.DirFS(filepath.Join(root, "results/reference"))); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "results/reference"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"quick", "capacity", "cluster"} {
		if err := os.Rename(filepath.Join(dir, "results", name), filepath.Join(dir, "results/reference", name)); err != nil {
			t.Fatal(err)
		}
	}
	runExamples(t, bin, dir, "README.md", 3)
	runExamples(t, bin, dir, "docs/capacity.md", 3)
}

// runExamples runs the examples of a page, of which there must be some.
func runExamples(t *testing.T, bin, dir, page string, least int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	examples := consoleExamples(string(text))
	if len(examples) < least {
		t.Fatalf("%s has %d console examples, want at least %d", page, len(examples), least)
	}
	for _, e := range examples {
		args := strings.Fields(e.command)
		if args[0] != "svcmark" {
			t.Errorf("%s: $ %s: only svcmark is run in console blocks", page, e.command)
			continue
		}
		cmd := exec.Command(bin, args[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "NO_COLOR=1")
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("$ %s: %v\n%s", e.command, err, out)
			continue
		}
		if e.output != "" && !matches(e.output, string(out)) {
			t.Errorf("$ %s\nprints\n%s\n%s shows\n%s", e.command, out, page, e.output)
		}
	}
}

// example is a command of a console block with the output that follows it.
type example struct{ command, output string }

var consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")

func consoleExamples(markdown string) []example {
	var all []example
	for _, block := range consoleBlock.FindAllStringSubmatch(markdown, -1) {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				all = append(all, example{command: strings.TrimSpace(command)})
			} else if len(all) > 0 {
				all[len(all)-1].output += line
			}
		}
	}
	return all
}

// matches compares an output with what is shown of it.
func matches(shown, printed string) bool {
	var pattern strings.Builder
	pattern.WriteString(`(?s)^\s*`)
	for line := range strings.Lines(strings.TrimSpace(shown)) {
		if strings.TrimSpace(line) == "..." {
			pattern.WriteString(`.*`)
			continue
		}
		pattern.WriteString(regexp.QuoteMeta(strings.TrimRight(line, " \n")) + `[ \n]*`)
	}
	pattern.WriteString(`\s*$`)
	return regexp.MustCompile(pattern.String()).MatchString(trimLines(printed))
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// TestVMBench is the first of README.md's two commands: it must end well, keep
// the processors busy, and either give the reference run's bytes or say what
// differs.
func TestVMBench(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	cmd := exec.Command("make", "--no-print-directory", "bench", "BENCH_FLAGS=--out "+dir)
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	begin := time.Now()
	stdout, err := cmd.Output()
	took := time.Since(begin)
	if err != nil {
		t.Fatalf("make bench: %v\n%s\n%s", err, stdout, stderr.String())
	}
	said := stderr.String()
	if !strings.Contains(said, "byte-identical") && !strings.Contains(said, "this run differs in") {
		t.Errorf("make bench does not say how it stands to the reference run:\n%s", said)
	}
	if !strings.Contains(said, "left") {
		t.Errorf("make bench shows no estimate of the time left:\n%s", said)
	}
	lines := strings.Split(strings.TrimSpace(string(stdout)), "\n")
	verdict := lines[len(lines)-1]
	for _, want := range []string{"iptables-legacy", "O(n)", "O(1)", "ipvs", "per Service"} {
		if !strings.Contains(verdict, want) {
			t.Errorf("the verdict does not mention %q: %s", want, verdict)
		}
	}

	run, err := results.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var cells float64
	for _, c := range run.Meta.Cells {
		if c.Status == results.Failed {
			t.Errorf("%s failed: %s", c.Key(), c.Reason)
		}
		cells += c.Seconds
	}
	wall := run.Meta.Finished.Sub(run.Meta.Started).Seconds()
	t.Logf("make bench took %.0f s; its cells %.0f s in %.0f s (%.2f)", took.Seconds(), cells, wall, wall/cells)
	if wall > 0.6*cells {
		t.Errorf("the run took %.2f of its cells' sum, want at most 0.6: the processors are not busy", wall/cells)
	}
	constantPerRule(t, run)
}

// constantPerRule checks the claim that the plots show: behind n more rules a
// first packet costs n times the same number of instructions more with
// iptables-legacy, and nothing more with ipvs.
func constantPerRule(t *testing.T, run *results.Run) {
	t.Helper()
	firstPacket := func(backend, services, protocol string) float64 {
		for _, r := range run.Results {
			if r.Measurement == "FirstPacket" && r.Label("backend") == backend && r.Label("services") == services &&
				r.Label("protocol") == protocol && r.Label("position") == "last" {
				return r.Samples[0].Value
			}
		}
		t.Fatalf("no first packet of %s at %s Services over %s", backend, services, protocol)
		return 0
	}
	last := func(backend, services string) float64 { return firstPacket(backend, services, "udp") }
	// What a connect costs without Services bounds how well one can see more.
	const connect = 100_000
	if cost := firstPacket("direct", "5000", "tcp"); cost > connect {
		t.Errorf("a TCP connect on direct costs %.0f instructions, want at most %d", cost, connect)
	}
	low := (last("iptables-legacy", "1000") - last("iptables-legacy", "100")) / 900
	high := (last("iptables-legacy", "5000") - last("iptables-legacy", "1000")) / 4000
	t.Logf("iptables-legacy: %.2f instructions per Service from 100 to 1,000, %.2f from 1,000 to 5,000", low, high)
	if low < 20 || low > 30 || high/low < 0.95 || high/low > 1.05 {
		t.Errorf("%.2f and %.2f instructions per Service, want a constant between 20 and 30", low, high)
	}
	if a, b := last("ipvs", "100"), last("ipvs", "5000"); b > 1.03*a {
		t.Errorf("ipvs: %.0f instructions at 100 Services and %.0f at 5,000, want a flat line", a, b)
	}
}

// The reference run itself must be whole.
func TestReferenceRun(t *testing.T) {
	run, err := results.Read(filepath.Join(root, "results/reference/quick"))
	if err != nil {
		t.Fatal(err)
	}
	if run.Meta.Fingerprint.Clock != "virtual" || run.Meta.Fingerprint.Guest == "" {
		t.Errorf("its fingerprint is %+v, want the virtual clock of a guest", run.Meta.Fingerprint)
	}
	meta, err := json.Marshal(run.Meta)
	if err != nil {
		t.Fatal(err)
	}
	if host, err := os.Hostname(); err == nil && len(host) > 3 && strings.Contains(string(meta), host) {
		t.Errorf("run.json names the machine that it was made on")
	}
	constantPerRule(t, run)
}
