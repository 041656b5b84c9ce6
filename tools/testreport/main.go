// Command testreport reads the output of go test -json, shows what failed and
// what was skipped, and ends with one line of counts. It exits 1 when a test
// failed, when none ran, and, with CI set, when one was skipped: a skip there
// hides a missing tool.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of go test -json; its fields are described in
// go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

func main() {
	r := newReport()
	if err := r.read(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	if !r.summarize(os.Stdout, os.Getenv("CI") != "") {
		os.Exit(1)
	}
}

type test struct{ pkg, name string }

type report struct {
	output                  map[test][]string // of tests and packages that have not ended
	passed, failed, skipped int
	skips                   []string
	broken                  bool // a package failed without a failing test: it did not build, or its TestMain failed
}

func newReport() *report { return &report{output: map[test][]string{}} }

func (r *report) read(in io.Reader, out io.Writer) error {
	s := bufio.NewScanner(in)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		var e event
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			fmt.Fprintln(out, s.Text()) // a build's complaint
			continue
		}
		r.take(e, out)
	}
	return s.Err()
}

func (r *report) take(e event, out io.Writer) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "output", "build-output":
		r.output[t] = append(r.output[t], e.Output)
		return
	case "pass", "fail", "skip":
	case "build-fail":
		r.broken = true
		fmt.Fprint(out, strings.Join(r.output[t], ""))
		return
	default:
		return
	}
	said := strings.Join(r.output[t], "")
	delete(r.output, t)
	if e.Test == "" {
		r.endPackage(e, said, out)
		return
	}
	name := e.Package + " " + e.Test
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		fmt.Fprintf(out, "FAILED %s\n%s", name, said)
	case "skip":
		r.skipped++
		r.skips = append(r.skips, name+": "+reason(said))
	}
}

func (r *report) endPackage(e event, said string, out io.Writer) {
	if e.Action == "fail" {
		r.broken = true
		// What the process died in, of a timeout for one, has no end of its own.
		for t, lines := range r.output {
			if t.pkg == e.Package {
				fmt.Fprintf(out, "UNFINISHED %s %s\n%s", t.pkg, t.name, strings.Join(lines, ""))
				delete(r.output, t)
			}
		}
		fmt.Fprint(out, said)
	}
	if e.Action != "skip" { // a package without tests
		fmt.Fprintf(out, "%-4s %s %.1fs\n", e.Action, e.Package, e.Elapsed)
	}
}

// reason is what a skipped test said, without the testing package's own lines.
func reason(said string) string {
	var kept []string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, " ")
}

// summarize says whether all is well.
func (r *report) summarize(out io.Writer, ci bool) bool {
	for _, s := range r.skips {
		fmt.Fprintln(out, "SKIPPED", s)
	}
	ok := r.failed == 0 && !r.broken && r.passed > 0
	if ci && r.skipped > 0 {
		fmt.Fprintln(out, "In CI a skipped test is a failure: install what it needs.")
		ok = false
	}
	if r.broken && r.failed == 0 {
		fmt.Fprintln(out, "A package failed outside of its tests.")
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return ok
}
