package compare

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/results"
)

// made is a run of first packets and syncs of two backends at four sizes, in a clock.
// Each figure is what change makes of it.
func made(clock string, repeats int, change func(r *results.Result, unit string, v float64) float64) *results.Run {
	exact, unit := clock == "virtual", map[bool]string{true: "insns/op", false: "ns/op"}[clock == "virtual"]
	run := &results.Run{Meta: results.Meta{Fingerprint: results.Fingerprint{Clock: clock, Kernel: "6.1"}}}
	control := "direct-" + unit
	run.Units = []results.Unit{{Name: unit, Better: results.Lower, Exact: exact}, {Name: control, Better: results.Lower, Exact: exact}, {Name: "rules", Exact: true}, {Name: "lost/op", Better: results.Lower, Exact: exact}}
	for _, backend := range []string{"flat", "steep"} {
		for _, n := range []float64{10, 100, 1000, 5000} {
			labels := []results.Label{{Key: "backend", Value: backend}, {Key: "services", Value: fmt.Sprint(n)}}
			run.Meta.Cells = append(run.Meta.Cells, results.CellMeta{Labels: labels, Status: results.OK})
			per := map[string]float64{"flat": 0, "steep": 26}[backend]
			for range repeats {
				add := func(measurement string, more []results.Label, samples ...results.Sample) {
					r := results.Result{Measurement: measurement, Labels: append(labels[:2:2], more...), N: 1, Samples: samples}
					for i := range r.Samples {
						s := &r.Samples[i]
						s.Value = change(&r, s.Unit, s.Value)
					}
					run.Results = append(run.Results, r)
				}
				add("Sync", nil, results.Sample{Value: 5e6 + 4e5*n, Unit: unit})
				for _, position := range []string{"first", "last"} {
					at := map[string]float64{"first": 0, "last": 1}[position]
					add("FirstPacket", []results.Label{{Key: "position", Value: position}},
						results.Sample{Value: 70e3 + per*n*at, Unit: unit}, results.Sample{Value: 46e3, Unit: control}, results.Sample{Value: 0, Unit: "lost/op"})
				}
				add("Objects", nil, results.Sample{Value: 10 * n, Unit: "rules"})
			}
		}
	}
	return run
}

func same(_ *results.Result, _ string, v float64) float64 { return v }

func compared(t *testing.T, old, now *results.Run) *Comparison {
	t.Helper()
	c, err := Of(NewSide("a", old, ""), NewSide("b", now, ""), DefaultPolicy(old.Meta.Fingerprint.Clock == "virtual"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// text is the comparison as it is printed, for messages.
func text(c *Comparison) string {
	var b strings.Builder
	_ = c.Text(&b, false) // a Builder takes everything
	return b.String()
}

// What is injected is found, and what is the same is the same.
func TestVirtualClock(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	jitter := func(_ *results.Result, unit string, v float64) float64 { // of another build that does the same
		if strings.HasSuffix(unit, "insns/op") && v < 1e6 {
			return v + float64(random.IntN(41)-20)
		}
		return v * (1 + (random.Float64()-0.5)*0.004)
	}
	on := func(backend, measurement string, change func(services, v float64) float64) func(*results.Result, string, float64) float64 {
		return func(r *results.Result, unit string, v float64) float64 {
			var n float64
			_, _ = fmt.Sscan(r.Label("services"), &n) // they are made here
			if r.Label("backend") == backend && r.Measurement == measurement && unit == "insns/op" {
				v = change(n, v)
			}
			return v
		}
	}
	for _, c := range []struct {
		name   string
		change func(*results.Result, string, float64) float64
		want   Outcome
		said   string
	}{
		{"the same", same, Pass, "of 40 figures 40 same"},
		{"another build", jitter, Pass, ""},
		{"one more rule for every packet", on("flat", "FirstPacket", func(_, v float64) float64 { return v + 26 }), Regression, "FirstPacket  flat"},
		{"one percent and a bit on a sync", on("steep", "Sync", func(_, v float64) float64 { return v * 1.0125 }), Regression, "worse"},
		{"five percent", on("steep", "Sync", func(_, v float64) float64 { return v * 1.05 }), Regression, "+5.00 %"},
		{"a better sync", on("steep", "Sync", func(_, v float64) float64 { return v * 0.9 }), Pass, "better"},
		{"a slope where there was none", on("flat", "FirstPacket", func(n, v float64) float64 { return v + 5*n }), Regression, "it was O(1) and is"},
		{"a bend", on("steep", "Sync", func(n, v float64) float64 { return v + 100*n*n }), Regression, "superlinear"},
		{"losses", func(_ *results.Result, unit string, v float64) float64 {
			if unit == "lost/op" {
				return v + 0.01
			}
			return v
		}, Regression, "from 0"},
		{"other objects", func(r *results.Result, _ string, v float64) float64 {
			if r.Measurement == "Objects" {
				return v + 1
			}
			return v
		}, Pass, ""},
	} {
		got := compared(t, made("virtual", 1, same), made("virtual", 1, c.change))
		if got.Outcome() != c.want || !strings.Contains(text(got), c.said) {
			t.Errorf("%s: %s, want %s and %q\n%s", c.name, got.Outcome(), c.want, c.said, text(got))
		}
	}
}

// A missing figure, a cell that fails now, another clock: none is a pass.
func TestWhatIsMissing(t *testing.T) {
	old := made("virtual", 1, same)
	fewer := made("virtual", 1, same)
	fewer.Results = fewer.Results[1:]
	if c := compared(t, old, fewer); c.Outcome() != Regression || !strings.Contains(text(c), "lost: the new side has no such figure") {
		t.Errorf("a figure that is gone: %s", text(c))
	}
	if c := compared(t, fewer, old); c.Outcome() != Pass || !strings.Contains(text(c), "new") {
		t.Errorf("a figure that has come: %s", text(c))
	}
	broken := made("virtual", 1, same)
	broken.Meta.Cells[0].Status, broken.Meta.Cells[0].Reason = results.Failed, "wrong dataplane\nits log"
	var left []results.Result
	for _, r := range broken.Results {
		if r.Label("backend") != "flat" || r.Label("services") != "10" {
			left = append(left, r)
		}
	}
	broken.Results = left
	c := compared(t, old, broken)
	if c.Outcome() != Regression || !strings.Contains(text(c), "backend=flat services=10  wrong dataplane") || !strings.Contains(text(c), "its cell has failed: wrong dataplane") {
		t.Errorf("a cell that fails: %s", text(c))
	}
	if _, err := Of(NewSide("a", old, ""), NewSide("b", made("wall", 6, same), ""), Policy{}); !errors.Is(err, ErrClocks) {
		t.Errorf("two clocks: %v", err)
	}
	if _, err := Of(NewSide("a", old, "old"), NewSide("b", old, "new"), Policy{}); err == nil || !strings.Contains(err.Error(), "a has no figures") {
		t.Errorf("labels that nothing has: %v", err)
	}
}

// noisy has figures that differ from repetition to repetition.
func noisy(random *rand.Rand, spread, change float64) func(*results.Result, string, float64) float64 {
	return func(_ *results.Result, unit string, v float64) float64 {
		if unit != "ns/op" {
			return v
		}
		return v * change * math.Exp(random.NormFloat64()*spread)
	}
}

// On the wall clock the gate alarms seldom where nothing has changed, whatever the
// noise, and finds what is larger than the noise.
func TestWallClock(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const trials = 1000
	for _, spread := range []float64{0.02, 0.1, 0.3} {
		alarms, undecided := 0, 0
		for range trials {
			c := compared(t, made("wall", 10, noisy(random, spread, 1)), made("wall", 10, noisy(random, spread, 1)))
			switch c.Outcome() {
			case Regression:
				alarms++
			case Undecided:
				undecided++
			}
		}
		t.Logf("spread %v: %d false alarms and %d undecided of %d", spread, alarms, undecided, trials)
		if alarms > trials/100 {
			t.Errorf("spread %v: %d false alarms in %d comparisons, want 1 %% at most", spread, alarms, trials)
		}
	}
	found := 0
	for range 100 {
		if compared(t, made("wall", 10, noisy(random, 0.02, 1)), made("wall", 10, noisy(random, 0.02, 1.15))).Outcome() == Regression {
			found++
		}
	}
	if found < 100 {
		t.Errorf("15 %% with a spread of 2 %% is found %d times in 100", found)
	}
	few := compared(t, made("wall", 3, noisy(random, 0.02, 1)), made("wall", 3, noisy(random, 0.02, 2)))
	if few.Outcome() != Undecided || !strings.Contains(text(few), "need >= 6 samples") {
		t.Errorf("three repetitions: %s", text(few))
	}
}

// Two builds in one run are two sides.
func TestBuilds(t *testing.T) {
	run := made("virtual", 1, same)
	for i := range run.Results {
		r := &run.Results[i]
		r.Labels = append([]results.Label{{Key: "backend", Value: map[string]string{"flat": "kube-proxy@old-nftables", "steep": "kube-proxy@new.1-nftables"}[r.Labels[0].Value]}}, r.Labels[1:]...)
	}
	c, err := Of(NewSide("old", run, "old"), NewSide("new", run, "new.1"), DefaultPolicy(true))
	if err != nil {
		t.Fatal(err)
	}
	if c.Outcome() != Regression || len(c.Broken) > 0 || valueOf(c.Rows[0].Labels, "backend") != "kube-proxy-nftables" || len(c.Differences) > 0 {
		t.Errorf("%s", text(c))
	}
	for _, r := range c.Rows {
		if r.Verdict == Lost || r.Verdict == New {
			t.Errorf("%s is %s", r.Name(), r.Verdict)
		}
	}
}

func TestMachineFormats(t *testing.T) {
	c := compared(t, made("virtual", 1, same), made("virtual", 1, func(r *results.Result, _ string, v float64) float64 {
		if r.Measurement == "Sync" {
			return v * 2
		}
		return v
	}))
	var b bytes.Buffer
	if err := c.JSON(&b); err != nil {
		t.Fatal(err)
	}
	var read struct {
		Schema  int
		Outcome string
		Rows    []struct{ Verdict string }
	}
	if err := json.Unmarshal(b.Bytes(), &read); err != nil || read.Schema != 1 || read.Outcome != "regression" || len(read.Rows) != len(c.Rows) || read.Rows[0].Verdict != "worse" {
		t.Errorf("%v: %+v", err, read)
	}
	b.Reset()
	if err := c.JUnit(&b); err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Cases    []struct {
			Failure *struct {
				Message string `xml:"message,attr"`
			} `xml:"failure"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal(b.Bytes(), &suite); err != nil || suite.Tests != len(suite.Cases) || suite.Failures == 0 || suite.Cases[0].Failure == nil {
		t.Errorf("%v: %d tests, %d failures", err, suite.Tests, suite.Failures)
	}
	b.Reset()
	if err := c.Markdown(&b, false); err != nil || !strings.HasPrefix(b.String(), "**regression: of 40 figures 8 worse") || !strings.Contains(b.String(), "| Sync | insns/op | backend=flat services=10 | 9.000M | 18.00M | +100.00 % | worse |") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// A class that is on the border falls to either side with next to nothing, and then
// another line is fitted. These are syncs of ipvs by two builds that do the same.
func TestGrowthOnTheBorder(t *testing.T) {
	of := func(costs map[string]float64) func(*results.Result, string, float64) float64 {
		return func(r *results.Result, _ string, v float64) float64 {
			if c, there := costs[r.Label("services")]; there && r.Measurement == "Sync" {
				return c
			}
			return v
		}
	}
	run := func(costs map[string]float64) *results.Run {
		r := made("virtual", 1, of(costs))
		var kept []results.Result
		for _, x := range r.Results {
			if x.Label("services") != "5000" {
				kept = append(kept, x)
			}
		}
		r.Results = kept
		return r
	}
	c := compared(t, run(map[string]float64{"10": 11282628, "100": 19732377, "1000": 129116930}), run(map[string]float64{"10": 12151148, "100": 19084971, "1000": 129531669}))
	if c.Growths[0].Old.Class == c.Growths[0].New.Class {
		t.Errorf("both are %s: this is no border", c.Growths[0].Old.Class)
	}
	for _, g := range c.Growths {
		if g.Verdict != Same {
			t.Errorf("%s is %s: %s and %s, %v", g.Name, g.Verdict, g.Old.Class, g.New.Class, g.Change)
		}
	}
}

// Annotations are as few as a page shows, the gravest first, and whatever a label holds
// stays in its place.
func TestAnnotate(t *testing.T) {
	c := compared(t, made("virtual", 1, same), made("virtual", 1, func(r *results.Result, _ string, v float64) float64 {
		if r.Measurement == "Sync" {
			return v * 2
		}
		return v
	}))
	var b bytes.Buffer
	if err := c.Annotate(&b); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(b.String(), "\n")
	if want := "::error title=Sync of flat::4 of 4 figures; at services=10 18.00M, was 9.000M: +100.00 %25, worse"; first != want {
		t.Errorf("the first is\n%s, want\n%s", first, want)
	}
	var many Comparison
	for i := range 30 {
		many.Broken = append(many.Broken, Broken{fmt.Sprint(i), "a: b\nnext"})
	}
	b.Reset()
	if err := many.Annotate(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != mostAnnotations || lines[9] != "::error title=svcmark gate::and 21 more measurements" || lines[0] != "::error title=A cell fails::0: a: b" {
		t.Errorf("%s", b.String())
	}
	b.Reset()
	if err := compared(t, made("virtual", 1, same), made("virtual", 1, same)).Annotate(&b); err != nil || b.Len() > 0 {
		t.Errorf("nothing is wrong, and yet: %v %s", err, b.String())
	}
	if got := property("a:b,c%\n") + message("a:b,c%\n"); got != "a%3Ab%2Cc%25%0Aa:b,c%25%0A" {
		t.Error(got)
	}
}

// A difference that the machine shows where nothing differs is not reported, however
// clear it is.
func TestNoDifferenceBelowTheFloor(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	noisy := func(by float64) *results.Run {
		return made("wall", 10, func(_ *results.Result, _ string, v float64) float64 { return v * by * (1 + 0.01*random.Float64()) })
	}
	for _, floor := range []float64{0, 0.5} {
		old, now := noisy(1), noisy(1.3)
		now.Meta.Machines = []results.Machine{{Warnings: []string{"a hypervisor took 9 %"}}}
		now.Meta.Calibrations = []results.Calibration{{Floors: []results.Deviation{{Measurement: "Sync", Unit: "ns/op", Share: floor}}}}
		c := compared(t, old, now)
		for i := range c.Rows {
			if r := &c.Rows[i]; r.Measurement == "Sync" && (r.Verdict == Worse) != (floor == 0) {
				t.Errorf("with a floor of %v: %s is %s (%+.2f)", floor, r.Name(), r.Verdict, r.Change)
			}
		}
		if !strings.Contains(strings.Join(c.Notes, "\n"), "b: a hypervisor took 9 %") {
			t.Errorf("notes: %q", c.Notes)
		}
	}
}
