package claims

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/scenarios"
)

// world says what a figure costs; NaN for one that nobody measured.
type world func(measurement, backend, kind string, n float64) float64

// made are runs in which every figure is what a world says.
func made(w world) Runs {
	runs := Runs{}
	add := func(scenario, measurement, unit string, backends []string, sizes []float64, labels ...results.Label) {
		run := runs[scenario]
		if run == nil {
			run = &results.Run{Meta: results.Meta{Fingerprint: results.Fingerprint{Clock: "virtual"}}}
			runs[scenario] = run
		}
		for _, b := range backends {
			for _, n := range sizes {
				kind := ""
				if len(labels) > 0 {
					kind = labels[0].Value
				}
				v := w(scenario+" "+measurement, b, kind, n)
				if math.IsNaN(v) {
					continue
				}
				all := append([]results.Label{{Key: "backend", Value: b}, {Key: "services", Value: strconv.FormatFloat(n, 'f', -1, 64)}}, labels...)
				run.Results = append(run.Results, results.Result{Measurement: measurement, Labels: all, N: 1, Samples: []results.Sample{{Value: v, Unit: unit}}})
			}
		}
	}
	label := func(key, value string) results.Label { return results.Label{Key: key, Value: value} }
	sizes := []float64{100, 1000, 5000, 10000}
	four := []string{"iptables-legacy", "iptables-nft", "ipvs", "nftables"}
	add("growth", "Sync", "insns/op", four, sizes)
	add("growth", "PartialSync", "insns/op", four, sizes, label("change", "addService"))
	add("growth", "FirstPacket", "insns/op", four, sizes, label("protocol", "tcp"), label("position", "last"))
	add("growth", "Objects", "rules", []string{"iptables-legacy"}, sizes)
	add("one-by-one", "Sync", "insns/op", []string{"userspace"}, []float64{100, 300, 1000})
	add("load-balancers", "Objects", "addresses", []string{"ipvs"}, []float64{100})
	add("restart", "Restart", "insns/op", four, []float64{1000})
	for _, kind := range []string{"short", "keep-alive"} {
		add("load", "ConnectionRate", "insns/op", []string{"iptables-legacy", "ipvs", "ebpf-tc"}, []float64{10, 1000, 5000}, label("connection", kind))
		add("load", "CPUAtRate", "cores", []string{"iptables-legacy", "ipvs"}, []float64{10, 1000, 5000}, label("connection", kind))
	}
	for _, phase := range []string{"before", "full"} {
		add("during-sync", "DuringSync", "p99-insns", []string{"iptables-legacy"}, []float64{300}, label("phase", phase), label("protocol", "tcp"), label("kind", "new"))
	}
	return runs
}

// published is the world as the claims have it.
func published(measurement, backend, kind string, n float64) float64 {
	legacy := strings.HasPrefix(backend, "iptables")
	switch measurement {
	case "growth FirstPacket":
		switch {
		case legacy:
			return 50e3 + 26*n
		case backend == "ipvs":
			return 55e3
		}
		return 50e3
	case "growth Sync":
		switch backend {
		case "ipvs": // a tenth at 1,000 and a fiftieth at 10,000, and nearly constant
			return 100e6
		case "iptables-nft":
			return 6e6 * n
		case "nftables":
			return 5e6 * n
		}
		return 1e6 * n
	case "growth PartialSync":
		if backend == "nftables" {
			return 15e6
		}
		return map[bool]float64{true: 1e6 + 1e3*n, false: 1e6}[legacy]
	case "growth Objects":
		return 3 * n
	case "one-by-one Sync":
		return map[bool]float64{true: 1e6 * n, false: 1e6 * n * n}[legacy]
	case "load-balancers Objects":
		return 150
	case "restart Restart":
		return map[bool]float64{true: 1e9, false: 5e9}[legacy]
	case "load ConnectionRate", "load CPUAtRate":
		cost := 300e3
		if kind == "short" {
			cost += map[string]float64{"iptables-legacy": 26 * n, "ipvs": 10e3, "ebpf-tc": 50e3}[backend]
		}
		return cost
	case "during-sync DuringSync":
		return map[string]float64{"before": 1e5, "full": 1e7}[kind]
	}
	return math.NaN()
}

// same is a world in which nothing matters.
func same(string, string, string, float64) float64 { return 100e3 }

func words(t *testing.T, w world) map[string]Word {
	t.Helper()
	all, err := Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]Word{}
	for _, f := range Judge(all, made(w)) {
		words[f.ID] = f.Word
		if f.Reason == "" {
			t.Errorf("%s is judged without a reason", f.ID)
		}
	}
	return words
}

// Where the world is as it was published, claims hold; where nothing differs and
// nothing grows, none does that says something differs or grows.
func TestJudgeBothWays(t *testing.T) {
	open := map[string]bool{"C13": true, "C18": true, "C19": true, "C20": true}
	for id, word := range words(t, published) {
		want := Holds
		switch {
		case open[id]:
			want = CannotJudge
		case id == "C7": // many short connections suit iptables: C11 and C16 say otherwise
			want = HoldsInPart
		case id == "C5": // which the others contradict: 26 instructions a Service and 10 x a sync
			want = DoesNotHold
		}
		if word != want {
			t.Errorf("as published, %s %s; want %s", id, word, want)
		}
	}
	flat := words(t, same)
	for _, id := range []string{"C2", "C4", "C6", "C14", "C15", "C17"} {
		if flat[id] != DoesNotHold {
			t.Errorf("where nothing differs, %s %s", id, flat[id])
		}
	}
	for id, word := range flat {
		if word == Holds && id != "C5" && id != "C8" {
			t.Errorf("where nothing differs, %s %s", id, word)
		}
	}
}

// What was not measured is no verdict, and the reason is that of the run.
func TestWhatIsMissing(t *testing.T) {
	all, err := Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Judge(all, Runs{}) {
		if f.Word != CannotJudge {
			t.Errorf("without any run, %s %s", f.ID, f.Word)
		}
	}
	runs := made(func(measurement, backend, kind string, n float64) float64 {
		if backend == "ipvs" {
			return math.NaN()
		}
		return published(measurement, backend, kind, n)
	})
	runs["growth"].Meta.Cells = []results.CellMeta{{Labels: []results.Label{{Key: "backend", Value: "ipvs"}}, Status: results.NotRun, Reason: "no IPVS in this kernel\nand more"}}
	one, err := Select([]string{"C1"})
	if err != nil {
		t.Fatal(err)
	}
	if f := Judge(one, runs)[0]; f.Word != CannotJudge || f.Reason != "ipvs n/a: no IPVS in this kernel" {
		t.Errorf("%s: %s", f.Word, f.Reason)
	}
	if _, err := Select([]string{"C1", "C99"}); err == nil || !strings.Contains(err.Error(), `"C99"`) {
		t.Errorf("C99: %v", err)
	}
}

// A rate of the wall clock is no cost, and its fall no growth.
func TestRatesAreNoCosts(t *testing.T) {
	one, err := Select([]string{"C16"})
	if err != nil {
		t.Fatal(err)
	}
	runs := made(published)
	runs["load"].Meta.Fingerprint.Clock = "wall"
	if f := Judge(one, runs)[0]; f.Word != CannotJudge || !strings.Contains(f.Reason, "is a rate") {
		t.Errorf("%s: %s", f.Word, f.Reason)
	}
}

// A claim of many Services is not refuted by few.
func TestRefutedByFew(t *testing.T) {
	one, err := Select([]string{"C14"})
	if err != nil {
		t.Fatal(err)
	}
	few := func(most float64) world {
		return func(measurement, backend, kind string, n float64) float64 {
			if n > most {
				return math.NaN()
			}
			return 100e3
		}
	}
	for most, want := range map[float64]Word{5000: CannotJudge, 10000: DoesNotHold} {
		f := Judge(one, made(few(most)))[0]
		if f.Word != want {
			t.Errorf("measured up to %v: %s: %s", most, f.Word, f.Reason)
		}
	}
}

// Every scenario is one that svcmark runs, and every claim's has sizes for a hurry that
// its backends' limits do not take away.
func TestScenarios(t *testing.T) {
	all, err := Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	needed, err := Scenarios(all)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, n := range needed {
		names[n.Name] = true
		s, err := scenarios.Parse(n.Name, n.Text, scenarios.Known{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Metadata.Name != n.Name {
			t.Errorf("%s calls itself %s", n.Name, s.Metadata.Name)
		}
		if _, err := s.With(scenarios.Overrides{Services: n.Quick}, scenarios.Known{}); err != nil {
			t.Error(err)
		}
	}
	for _, c := range all {
		for _, name := range c.scenarios {
			if !names[name] {
				t.Errorf("%s needs %s, which there is not", c.ID, name)
			}
		}
	}
}

func TestFormats(t *testing.T) {
	all, err := Select([]string{"C1", "C19"})
	if err != nil {
		t.Fatal(err)
	}
	findings := Judge(all, made(published))
	var b bytes.Buffer
	if err := Text(&b, findings); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"C1   holds", "  measured   FirstPacket of iptables-legacy, protocol tcp, position last: O(n), 52.60k instructions at 100 and 310.0k instructions at 10,000 Services\n", "Of 2 claims 1 holds, 1 cannot be judged here."} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("lacks %q:\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := JSON(&b, findings); err != nil {
		t.Fatal(err)
	}
	var read struct {
		Schema int
		Claims []struct{ ID, Verdict, Reason string }
	}
	if err := json.Unmarshal(b.Bytes(), &read); err != nil || read.Schema != Schema || len(read.Claims) != 2 || read.Claims[0].Verdict != "holds" {
		t.Errorf("%v: %+v", err, read)
	}
	b.Reset()
	if err := Markdown(&b, findings); err != nil || !strings.Contains(b.String(), "| C1 | iptables finds") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// docs/claims.md ends with the verdicts on the committed run; UPDATE=1 writes them.
func TestDocs(t *testing.T) {
	const file, heading = "../docs/claims.md", "## Verdicts\n"
	dir := "results/reference/claims"
	if _, err := os.Stat("../" + dir); err != nil {
		dir += "-quick"
	}
	all, err := Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString(heading + "\nPrinted by `svcmark claims --from " + dir + " -o md`, kernel 6.1 in the virtual clock.\n\n")
	for _, plot := range []string{"c2", "c10", "c12"} {
		b.WriteString("![" + strings.ToUpper(plot) + ": what was measured over what was published](../" + dir + "/plots/" + plot + ".svg)\n")
	}
	b.WriteString("\n")
	if err := Markdown(&b, Judge(all, reference(t, "../"+dir))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, verdicts, _ := strings.Cut(string(text), heading)
	if heading+verdicts == b.String() {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s has other verdicts than %s: UPDATE=1 go test ./claims -run TestDocs writes them", file, dir)
	}
	if err := os.WriteFile(file, []byte(before+b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// reference reads committed runs.
func reference(t *testing.T, dir string) Runs {
	t.Helper()
	runs := Runs{}
	for _, s := range known {
		run, err := results.Read(dir + "/" + s.Name)
		if err != nil {
			t.Fatal(err)
		}
		runs[s.Name] = run
	}
	return runs
}
