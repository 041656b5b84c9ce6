package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/results"
)

// made is a run of one measurement whose figures are a formula's.
func made(clock, measurement string, unit results.Unit, sizes []int, repeats int, backends map[string]func(n, repeat float64) float64) *results.Run {
	run := &results.Run{Dir: "made", Units: []results.Unit{unit}}
	run.Meta.Fingerprint = results.Fingerprint{Lab: "vm", Clock: clock}
	for _, backend := range []string{"direct", "steep", "bent", "flat"} {
		f := backends[backend]
		if f == nil {
			continue
		}
		for _, n := range sizes {
			for i := range repeats {
				run.Results = append(run.Results, results.Result{Measurement: measurement, N: 1,
					Labels:  []results.Label{{Key: "backend", Value: backend}, {Key: "services", Value: fmt.Sprint(n)}},
					Samples: []results.Sample{{Value: f(float64(n), float64(i)), Unit: unit.Name}}})
			}
		}
	}
	return run
}

var (
	insns  = results.Unit{Name: "insns/op", Better: results.Lower, Exact: true}
	sizes8 = []int{100, 250, 500, 1000, 2000, 3000, 4000, 5000}
)

func line(a, b float64) func(n, _ float64) float64 {
	return func(n, _ float64) float64 { return a + b*n }
}

func planned(t *testing.T, o Options, runs ...*results.Run) *Plan {
	t.Helper()
	p, err := Of(o, runs...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func limit(t *testing.T, text string) []Limit {
	t.Helper()
	l, err := ParseLimit(text)
	if err != nil {
		t.Fatal(err)
	}
	return []Limit{l}
}

// What the formulas say is found, with the state that says where it comes from.
func TestServices(t *testing.T) {
	run := made("virtual", "Sync", insns, sizes8, 1, map[string]func(n, _ float64) float64{
		"direct": line(200, 0), "steep": line(1e6, 1e5), "flat": line(3e8, 0),
		"bent": func(n, _ float64) float64 { return 1e6 + 1e4*n + 10*n*n },
	})
	for _, c := range []struct {
		limit       string
		extrapolate bool
		backend     string
		state       State
		services    float64
	}{
		{"sync=101M", false, "steep", Within, 1000},
		{"sync=1001M", false, "steep", Beyond, 10000},
		{"sync=11M", false, "steep", Already, 100},
		{"sync=4G", false, "steep", NotWithin, math.NaN()},
		{"sync=4.001G", true, "steep", Beyond, 40000},
		{"sync=1.101G", false, "bent", Beyond, 10000},
		{"sync=400M", true, "flat", NotWithin, math.NaN()},
		{"sync=400M", true, "direct", NotWithin, math.NaN()},
	} {
		p := planned(t, Options{Limits: limit(t, c.limit), Extrapolate: c.extrapolate, Control: "direct"}, run)
		for _, r := range p.Answers[0].Rows {
			if r.Backend != c.backend {
				continue
			}
			if r.State != c.state || math.Abs(r.Services-c.services) > 0.02*c.services {
				t.Errorf("%s %s: %s at %v, want %s at %v", c.limit, c.backend, r.State, r.Services, c.state, c.services)
			}
			if !math.IsNaN(c.services) && !(r.Lo <= r.Services && r.Services <= r.Hi) {
				t.Errorf("%s %s: %v is not in [%v, %v]", c.limit, c.backend, r.Services, r.Lo, r.Hi)
			}
		}
	}
	p := planned(t, Options{Limits: limit(t, "sync=4.001G"), Extrapolate: true, Control: "direct"}, run)
	text := said(t, p)
	for _, want := range []string{"8 times the largest size that was measured", "Leave steep before ", "flat stays at 300.0M up to 500,000 Services."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(strings.Join(p.Advice, ""), "direct") {
		t.Errorf("the control is advised: %s", p.Advice)
	}
}

func said(t *testing.T, p *Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Text(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Where lines cross is known, and lines that do not cross have no crossing.
func TestCrossings(t *testing.T) {
	run := made("virtual", "FirstPacket", insns, sizes8, 1, map[string]func(n, _ float64) float64{
		"steep": line(60e3, 26), "flat": line(73e3, 0), "bent": line(280e3, 5), "direct": line(70e3, 0),
	})
	p := planned(t, Options{Limits: limit(t, "firstPacket=1M"), Control: "direct"}, run)
	if len(p.Crossings) != 2 {
		t.Fatalf("%+v", p.Crossings)
	}
	for i, want := range []struct {
		at     float64
		beyond bool
		above  string
	}{{10476, true, "bent"}, {500, false, "flat"}} {
		c := p.Crossings[i]
		if math.Abs(c.Services-want.at) > 0.02*want.at || c.Lo > c.Services || c.Hi < c.Services || c.Beyond != want.beyond || c.Below != "steep" || c.Above != want.above {
			t.Errorf("%+v, want %+v", c, want)
		}
	}
}

// The wall clock: a noise of a few percent gives an interval that holds the truth, and
// too few repetitions give none.
func TestNoise(t *testing.T) {
	ns := results.Unit{Name: "ns/op", Better: results.Lower}
	noisy := map[string]func(n, i float64) float64{
		"steep": func(n, i float64) float64 { return (1e6 + 1e5*n) * (1 + 0.03*math.Sin(n*1.7+i*2.3)) },
	}
	r := planned(t, Options{}, made("wall", "Sync", ns, sizes8, 8, noisy)).Answers[0].Rows[0]
	if r.State != Beyond || !(r.Lo < 9990 && 9990 < r.Hi) || r.Hi-r.Lo > 9990 {
		t.Errorf("%+v", r)
	}
	r = planned(t, Options{Limits: limit(t, "sync=200ms")}, made("wall", "Sync", ns, sizes8, 2, noisy)).Answers[0].Rows[0]
	if r.State != Within || r.services() != "1,970 [no interval]" {
		t.Errorf("two repetitions have an interval: %+v: %s", r, r.services())
	}
}

// One size that costs more than larger ones is noise, and no limit is reached there.
func TestOutlier(t *testing.T) {
	run := made("virtual", "Sync", insns, sizes8, 1, map[string]func(n, _ float64) float64{
		"flat": func(n, _ float64) float64 { return map[bool]float64{true: 6e5, false: 3e5}[n == 100] },
	})
	if r := planned(t, Options{Limits: limit(t, "sync=500k")}, run).Answers[0].Rows[0]; !math.IsNaN(r.Services) || r.State == Already {
		t.Errorf("%+v", r)
	}
}

// More is better of a throughput: the limit is a floor.
func TestFloor(t *testing.T) {
	unit := results.Unit{Name: "conns/s", Better: results.Higher, Exact: true}
	run := made("virtual", "ConnectionRate", unit, sizes8, 1, map[string]func(n, _ float64) float64{
		"steep": func(n, _ float64) float64 { return 1 / (30e-6 + 10e-9*n) },
	})
	r := planned(t, Options{Limits: limit(t, "connectionRate=10k")}, run).Answers[0].Rows[0]
	if r.State != Beyond || math.Abs(r.Services-7000) > 140 || r.ValueAt > 5000 || r.Lower > r.ValueAt || r.Upper < r.ValueAt {
		t.Errorf("%+v", r)
	}
}

// One size tells of itself alone.
func TestOneSize(t *testing.T) {
	run := made("virtual", "Sync", insns, []int{877}, 1, map[string]func(n, _ float64) float64{"steep": line(0, 1e5)})
	p := planned(t, Options{}, run)
	if r := p.Answers[0].Rows[0]; r.State != Unknown || !strings.Contains(said(t, p), "steep is at 87.70M with 877 Services, and nothing tells of more.") {
		t.Errorf("%+v\n%s", r, said(t, p))
	}
	// Runs of one cluster's size each make a curve.
	var runs []*results.Run
	for i, n := range sizes8 {
		run := made("virtual", "Sync", insns, []int{n}, 1, map[string]func(n, _ float64) float64{"steep": line(1e6, 1e5)})
		run.Meta.Fingerprint.Scenario = fmt.Sprint(i)
		runs = append(runs, run)
	}
	if r := planned(t, Options{}, runs...).Answers[0].Rows[0]; math.Abs(r.Services-9990) > 100 {
		t.Errorf("%+v", r)
	}
	runs[1].Meta.Fingerprint.Kernel = "another"
	if _, err := Of(Options{}, runs...); err == nil || !strings.Contains(err.Error(), "differ in kernel") {
		t.Errorf("runs of two kernels: %v", err)
	}
}

func TestLimitMistakes(t *testing.T) {
	for _, text := range []string{"sync", "=1s", "sync=", "sync.=1s"} {
		if _, err := ParseLimit(text); err == nil || !strings.Contains(err.Error(), "want MEASUREMENT[.ASPECT]=VALUE") {
			t.Errorf("%q: %v", text, err)
		}
	}
	sync := map[string]func(n, _ float64) float64{"steep": line(1e6, 1e5)}
	virtual := made("virtual", "Sync", insns, sizes8, 1, sync)
	wall := made("wall", "Sync", results.Unit{Name: "ns/op", Better: results.Lower}, sizes8, 1, sync)
	for _, c := range []struct {
		run         *results.Run
		limit, want string
	}{
		{virtual, "sync=1s", "counts instructions"},
		{virtual, "sync=x", "no number of insns/op"},
		{virtual, "sync=-5", "no number of insns/op"},
		{virtual, "sync=0", "no number of insns/op"},
		{virtual, "sync=NaN", "no number of insns/op"},
		{wall, "sync=5G", "want one such as 1s"},
		{wall, "sync=-1s", "no number of ns/op"},
		{wall, "sync.p99=1s", `no unit is called "p99"; Sync has ns/op`},
		{wall, "cpu=1s", "the run has no such figures; it measured sync"},
	} {
		if _, err := Of(Options{Limits: limit(t, c.limit)}, c.run); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.limit, err, c.want)
		}
	}
	for text, want := range map[string]float64{"5": 5, "300k": 3e5, "5G": 5e9, "2.5M": 2.5e6} {
		if v, err := (Limit{Value: text}).value(insns); err != nil || v != want {
			t.Errorf("%s: %v %v", text, v, err)
		}
	}
	for text, want := range map[string]float64{"64MiB": 64 << 20, "5kB": 5000, "12B": 12, "3M": 3e6} {
		if v, err := (Limit{Value: text}).value(results.Unit{Name: "kernel-B"}); err != nil || v != want {
			t.Errorf("%s: %v %v", text, v, err)
		}
	}
}

func FuzzLimit(f *testing.F) {
	f.Add("sync=1s")
	f.Add("firstPacket.p99=300k")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLimit(text)
		if err != nil {
			return
		}
		for _, u := range []string{"ns/op", "insns/op", "kernel-B", "rules"} {
			if v, err := l.value(results.Unit{Name: u}); err == nil && !(v > 0 && !math.IsInf(v, 0)) {
				t.Errorf("%q of %s is %v", text, u, v)
			}
		}
	})
}

func TestFormats(t *testing.T) {
	p := planned(t, Options{}, made("virtual", "Sync", insns, sizes8, 1, map[string]func(n, _ float64) float64{"steep": line(1e6, 1e5), "flat": line(5e8, 0)}))
	var b bytes.Buffer
	if err := p.JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema  int
		Answers []struct {
			Limit string
			Rows  []struct {
				Backend, State string
				Services       *float64
			}
		}
		Crossings []struct{ CheaperBelow string }
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != Schema || got.Answers[0].Limit != "sync=1G" || got.Answers[0].Rows[0].Services == nil || got.Answers[0].Rows[1].Services != nil || got.Crossings[0].CheaperBelow != "steep" {
		t.Errorf("%s", b.Bytes())
	}
	b.Reset()
	if err := p.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "| steep | 9,990 [9,") || !strings.HasPrefix(b.String(), "**Leave steep before 9,") {
		t.Errorf("%s", b.String())
	}
}
