package page

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/report/compare"
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

// changed is the quick run once more: syncs of ipvs cost a tenth more and those of
// nftables a tenth less, one figure is gone, and the kernel is another.
func changed(t *testing.T) *results.Run {
	run := read(t, references+"quick")
	run.Dir, run.Meta.Fingerprint.Kernel = "changed", "another kernel"
	gone := false
	run.Results = slices.DeleteFunc(run.Results, func(r results.Result) bool {
		first := !gone && r.Measurement == "RoundTrip" && r.Labels[0].Value == "iptables-legacy"
		gone = gone || first
		return first
	})
	for i := range run.Results {
		r := &run.Results[i]
		factor, found := map[string]float64{"ipvs": 1.1, "nftables": 0.9}[r.Labels[0].Value]
		if r.Measurement == "Sync" && found {
			r.Samples = slices.Clone(r.Samples)
			r.Samples[0].Value = math.Round(r.Samples[0].Value * factor)
		}
	}
	return run
}

// noisy is a run whose figures are of the wall clock: the quick one's, six times, times
// a factor, and a little apart.
func noisy(t *testing.T, name string, factor float64) *results.Run {
	run := read(t, references+"quick")
	run.Dir, run.Meta.Fingerprint.Clock = name, "wall"
	for i := range run.Units {
		run.Units[i].Exact = false
	}
	var all []results.Result
	for _, r := range run.Results {
		for k := range 6 {
			x := r
			x.Samples = slices.Clone(r.Samples)
			for j := range x.Samples {
				x.Samples[j].Value *= factor * (1 + float64(k)/1000)
			}
			if r.Measurement == "Sync" {
				all = append(all, x)
			}
		}
	}
	run.Results = all
	return run
}

var (
	deltaRow = regexp.MustCompile(`(?m)^(?:<tbody>)?<tr( data-same)?( data-bad)?>((?:<td[^>]*>[^<]*</td>){10,12})</tr>$`)
	cellText = regexp.MustCompile(`<td[^>]*>([^<]*)</td>`)
)

// The deltas of the page are, figure by figure, those that svcmark compare -o json has:
// exact ones to the last digit, noisy ones with their p.
func TestDeltasAreThoseOfCompare(t *testing.T) {
	for _, pair := range [][2]*results.Run{
		{read(t, references+"quick"), changed(t)},
		{noisy(t, "before", 1), noisy(t, "after", 1.2)},
	} {
		text := pageOf(t, pair[:]...)
		old, now := compare.NewSide(filepath.Base(pair[0].Dir), pair[0], ""), compare.NewSide(filepath.Base(pair[1].Dir), pair[1], "")
		c, err := compare.Of(old, now, compare.DefaultPolicy(old.Virtual()))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := c.JSON(&b); err != nil {
			t.Fatal(err)
		}
		var want struct {
			Summary string
			Rows    []struct {
				Measurement, Unit, Verdict string
				Labels                     map[string]string
				Old, New                   []float64
				Change, P                  *float64
			}
		}
		if err := json.Unmarshal(b.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, escaped(want.Summary)) {
			t.Errorf("the page lacks %q", want.Summary)
		}
		rows := deltaRow.FindAllStringSubmatch(text, -1)
		if len(rows) != len(want.Rows) || len(rows) < 20 {
			t.Fatalf("the page has %d deltas, compare %d", len(rows), len(want.Rows))
		}
		verdicts := map[string]int{}
		for i, w := range want.Rows {
			var cells []string
			for _, m := range cellText.FindAllStringSubmatch(rows[i][3], -1) {
				cells = append(cells, html.UnescapeString(m[1]))
			}
			verdicts[w.Verdict]++
			if cells[0] != w.Measurement || cells[1] != w.Unit || cells[2] != w.Labels["backend"] || cells[3] != w.Labels["services"] {
				t.Fatalf("row %d is of %q, want %+v", i, cells, w)
			}
			if !strings.Contains(cells[len(cells)-1], w.Verdict) || (rows[i][1] != "") != (w.Verdict == "same" || w.Verdict == "–") {
				t.Errorf("row %d says %q, want %s", i, cells, w.Verdict)
			}
			if w.P == nil && w.Old != nil { // on one side only, too
				if want := report.Format(results.Unit{Name: w.Unit}, w.Old[0]); cells[5] != want {
					t.Errorf("row %d says %q, want the old value %s", i, cells, want)
				}
			}
			if w.Old == nil || w.New == nil {
				if (cells[5] == "–") != (w.Old == nil) || (cells[6] == "–") != (w.New == nil) || cells[7] != "–" {
					t.Errorf("row %d says %q of what is on one side only", i, cells)
				}
				continue
			}
			if w.Change != nil && *w.Change != 0 && math.Abs(*w.Change) > 0.0001 && cells[7] != fmt.Sprintf("%+.2f %%", 100**w.Change) {
				t.Errorf("row %d says %q, want the change %v", i, cells, *w.Change)
			}
			if w.P != nil {
				if cells[10] != fmt.Sprintf("%.3f", *w.P) || !strings.HasPrefix(cells[9], "[") {
					t.Errorf("row %d says %q, want p %v", i, cells, *w.P)
				}
			} else if difference, err := strconv.ParseFloat(cells[8], 64); err != nil || difference != w.New[0]-w.Old[0] {
				t.Errorf("row %d says %q, want the difference %v", i, cells, w.New[0]-w.Old[0])
			}
		}
		if verdicts["worse"] == 0 {
			t.Errorf("nothing is worse: %v", verdicts)
		}
	}
}

// What is not of the same making is said loudly, and clocks that differ are not compared.
func TestUnlikeRuns(t *testing.T) {
	quick := read(t, references+"quick")
	text := pageOf(t, quick, changed(t), noisy(t, "wall", 1))
	for _, want := range []string{
		"The two are not of the same making", "another kernel here",
		"changed against quick", "wall against quick", "which do not compare.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(text, `class="figures deltas"`); n != 1 {
		t.Errorf("%d tables of deltas, want that of the same clock alone", n)
	}
	if text := pageOf(t, quick); strings.Contains(text, `id="changes"`) {
		t.Error("one run has changes")
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
