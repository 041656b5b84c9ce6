package page

import (
	"bytes"
	"encoding/base64"
	"html"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/results"
)

const references = "../../results/reference/"

func read(t *testing.T, dir string) *results.Run {
	t.Helper()
	run, err := results.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func pageOf(t *testing.T, runs ...*results.Run) string {
	t.Helper()
	r, err := report.Build(runs...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every figure that the terminal prints of a run is on its page, in the same words, and
// the samples come out again as they went in.
func TestPageHasTheRun(t *testing.T) {
	for _, name := range []string{"quick", "kube-proxy", "partial-sync"} {
		run := read(t, references+name)
		text := pageOf(t, run)
		if len(text) > 1<<20 {
			t.Errorf("%s: the page has %d bytes, more than a mail takes", name, len(text))
		}
		r, err := report.Build(run)
		if err != nil {
			t.Fatal(err)
		}
		d := r.Document()
		cells := 0
		for _, s := range d.All {
			for _, row := range s.Rows {
				for _, cell := range row {
					cells++
					if !strings.Contains(text, "<td>"+escaped(cell)+"</td>") {
						t.Fatalf("%s: the page lacks %q of %s", name, cell, s.Title)
					}
				}
			}
		}
		if cells < 100 || !strings.Contains(text, escaped(r.Verdict())) {
			t.Errorf("%s: %d cells, or no verdict", name, cells)
		}
		samples, err := os.ReadFile(run.Dir + "/samples.txt")
		if err != nil {
			t.Fatal(err)
		}
		if got := offered(t, text, "samples.txt"); !bytes.Equal(got, samples) {
			t.Errorf("%s: samples.txt comes out of the page with %d bytes, it has %d", name, len(got), len(samples))
		}
		if string(offered(t, text, "scenario.yaml")) != run.Meta.Scenario {
			t.Errorf("%s: the scenario comes out otherwise", name)
		}
	}
}

// escaped is a text as html/template writes it.
func escaped(s string) string { return strings.ReplaceAll(html.EscapeString(s), "+", "&#43;") }

func offered(t *testing.T, page, name string) []byte {
	t.Helper()
	m := regexp.MustCompile(`<a download="` + regexp.QuoteMeta(name) + `" href="data:[^,]*;base64,([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page does not offer %s", name)
	}
	data, err := base64.StdEncoding.DecodeString(html.UnescapeString(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Two runs of unlike fingerprints stand beside each other, each with its environment.
func TestSeveralRuns(t *testing.T) {
	text := pageOf(t, read(t, references+"quick"), read(t, references+"partial-sync"))
	for _, want := range []string{"quick, partial-sync – svcmark", "<h3>quick</h3>", "<h3>partial-sync</h3>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// What disturbed the machine of a run stands on its page, as in the terminal.
func TestDisturbedMachine(t *testing.T) {
	run := read(t, references+"quick")
	run.Meta.Machines = []results.Machine{{Warnings: []string{"a hypervisor took 9 % of the time"}}}
	text := pageOf(t, run)
	for _, want := range []string{">1 warning<", ">Warning: a hypervisor took 9 % of the time.<", "<li>a hypervisor took 9 % of the time</li>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// hostile is a run whose texts try to be more than text.
func hostile(t *testing.T) *results.Run {
	run := read(t, references+"quick")
	const evil = `</script><script>alert(1)</script><img src=x onerror=alert(2)>"'` + "`${alert(3)}"
	for i := range run.Results {
		for j, l := range run.Results[i].Labels {
			if l.Key == "backend" && l.Value == "ipvs" {
				run.Results[i].Labels[j].Value = strings.NewReplacer("/", "", " ", "_").Replace(evil) // which no label holds
			}
		}
	}
	run.Meta.Scenario += "\n# " + evil
	run.Meta.Fingerprint.Kernel = evil
	run.Meta.Cells[0].Status, run.Meta.Cells[0].Reason = results.Failed, evil
	run.Meta.Cells[1].Warnings = []string{evil}
	run.Dir = "/" + evil
	return run
}

func TestHostileNames(t *testing.T) {
	text := pageOf(t, hostile(t))
	if n := strings.Count(text, "<script"); n != 2 {
		t.Errorf("the page has %d scripts, want its data and its own", n)
	}
	if strings.Contains(text, "<img") {
		t.Error("a name has become an element")
	}
}
