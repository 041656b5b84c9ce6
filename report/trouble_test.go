package report

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/results"
)

// madeUp builds a run in memory: cell by cell, in order.
type madeUp struct{ run results.Run }

func newRun(dir string, units ...results.Unit) *madeUp {
	m := &madeUp{}
	m.run.Dir = dir
	m.run.Meta.Fingerprint = results.Fingerprint{Svcmark: "v0", Lab: "netns", Clock: "wall", Kernel: "6.1"}
	m.run.Units = units
	return m
}

func (m *madeUp) cell(backend string, n int, status results.Status, reason string) *results.CellMeta {
	m.run.Meta.Cells = append(m.run.Meta.Cells, results.CellMeta{
		Labels: []results.Label{{Key: "backend", Value: backend}, {Key: "services", Value: strconv.Itoa(n)}},
		Status: status, Reason: reason,
	})
	return &m.run.Meta.Cells[len(m.run.Meta.Cells)-1]
}

func (m *madeUp) result(measurement string, value float64, labels ...string) {
	r := results.Result{Measurement: measurement, N: 1, Samples: []results.Sample{{Value: value, Unit: nsPerOp.Name}}}
	for _, l := range labels {
		key, v, _ := strings.Cut(l, "=")
		r.Labels = append(r.Labels, results.Label{Key: key, Value: v})
	}
	m.run.Results = append(m.run.Results, r)
}

func print(t *testing.T, format string, runs ...*results.Run) (string, *Report) {
	t.Helper()
	r, err := Build(runs...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Table(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String(), r
}

func wants(t *testing.T, got string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(got, w) {
			t.Errorf("lacks %q:\n%s", w, got)
		}
	}
}

var nsPerOp = results.Unit{Name: "ns/op", Better: results.Lower}

// wallRun has noise, few repetitions, a cell that failed, one that is n/a, and
// one that was not asked for.
func wallRun() *results.Run {
	m := newRun("wall", nsPerOp)
	for _, n := range []int{10, 100, 1000} {
		m.cell("iptables-legacy", n, results.OK, "")
		for i := range 6 {
			m.result("FirstPacket", 50000+30*float64(n)+float64(700*i), "backend=iptables-legacy", "services="+strconv.Itoa(n), "position=last")
			m.result("RoundTrip", 9000+float64(100*i), "backend=iptables-legacy", "services="+strconv.Itoa(n))
		}
	}
	for _, n := range []int{10, 100} {
		c := m.cell("ipvs", n, results.OK, "")
		c.NA = []results.NA{{Measurement: "roundTrip", Reason: "the endpoint hung up"}}
		c.Warnings = []string{"the host was busy"}
		for i := range 3 {
			m.result("FirstPacket", 51000+float64(900*i), "backend=ipvs", "services="+strconv.Itoa(n), "position=last")
		}
	}
	m.cell("ipvs", 1000, results.Failed, "wrong answer: VIP 10.96.0.7:80 reached 10.160.0.9:8080\nof another Service\n")
	m.cell("nftables", 10, results.NotRun, "nf_tables is missing on kernel 6.1")
	return &m.run
}

func TestTroubleGolden(t *testing.T) {
	for _, format := range Formats {
		got, _ := print(t, format, wallRun())
		golden(t, "trouble."+format, []byte(got))
	}
}

func TestTroubleSaysWhy(t *testing.T) {
	got, r := print(t, "table", wallRun())
	wants(t, got,
		"51.90µs ±∞¹ ²  n/a³", "failed⁴", "n/a¹ ⁵", // in the tables
		"\n² need >= 6 samples for a 95 % interval, have 3\n",
		"\n⁴ wrong answer: VIP 10.96.0.7:80 reached 10.160.0.9:8080\n",
		"failed: backend=ipvs services=1000: wrong answer",
		"  | of another Service",
		"the host was busy",
		"need >= 3 sizes, have 2",
		"1 of 7 cells failed, 1 of 7 cells n/a",
	)
	if strings.Contains(got, "n/a:") {
		t.Errorf("what a footnote says in full is said again:\n%s", got)
	}
	got, _ = print(t, "wide", wallRun())
	wants(t, got, "\nn/a: roundTrip at backend=ipvs services=10,100: the endpoint hung up\n")
	if !strings.Contains(r.Verdict(), "O(n) with iptables-legacy (30.0ns per Service)") {
		t.Errorf("verdict: %s", r.Verdict())
	}
}

func TestTroublePlots(t *testing.T) {
	r, err := Build(wallRun())
	if err != nil {
		t.Fatal(err)
	}
	if _, names := plots(t, r); len(names) != 4 {
		t.Errorf("got %q", names)
	}
}

func TestReportOfLittle(t *testing.T) {
	one := newRun("one", nsPerOp)
	one.result("Sync", 5e6, "backend=ipvs", "services=10")
	one.result("Sync", 9e6, "backend=iptables-legacy", "services=10")
	one.cell("ipvs", 10, results.OK, "")

	single := newRun("single", nsPerOp)
	for _, n := range []int{1, 2, 3} {
		single.result("Sync", float64(n)*1e6, "backend=ipvs", "services="+strconv.Itoa(n))
	}

	failed := newRun("failed")
	failed.cell("ipvs", 10, results.Failed, "")

	odd := newRun("odd")
	odd.result("Sync", 1, "backend=ipvs", "services=many")
	odd.result("Sync", 2)
	odd.result("Load", 2, "phase=of-moon")

	for _, tt := range []struct {
		run   *madeUp
		files int
		want  []string
	}{
		{one, 2, []string{"5.000ms", "9.000ms", "growth is unclear: need >= 3 sizes, have 1."}},
		{single, 2, []string{"O(n) with ipvs (1.00ms per Service)"}},
		{failed, 0, []string{"failed: backend=ipvs services=10: –", "No cost per operation was measured", "1 of 1 cells failed"}},
		{odd, 0, []string{"many", "Load         ns/op  of-moon  –", "No cost per operation was measured"}},
	} {
		t.Run(tt.run.run.Dir, func(t *testing.T) {
			for _, format := range Formats {
				if format == "benchfmt" && tt.run == odd {
					continue // its units are not declared; that is the file's fault
				}
				print(t, format, &tt.run.run)
			}
			got, r := print(t, "table", &tt.run.run)
			wants(t, strings.ToLower(got), lowerAll(tt.want)...)
			if _, names := plots(t, r); len(names) != tt.files {
				t.Errorf("plots: %q", names)
			}
		})
	}
	if _, err := Build(); err == nil {
		t.Error("a report of no run")
	}
	_, r := print(t, "table", &one.run)
	if err := r.Table(&bytes.Buffer{}, "html"); err == nil || !strings.Contains(err.Error(), "must be one of table, wide") {
		t.Errorf("unknown format: %v", err)
	}
}

func lowerAll(ss []string) []string {
	var out []string
	for _, s := range ss {
		out = append(out, strings.ToLower(s))
	}
	return out
}

// Runs of one fingerprint are parts of one; others stand apart.
func TestSeveralRuns(t *testing.T) {
	part := func(dir, kernel string, n int) *results.Run {
		m := newRun(dir, nsPerOp)
		m.run.Meta.Fingerprint.Kernel = kernel
		m.cell("ipvs", n, results.OK, "")
		m.result("Sync", float64(n)*1000, "backend=ipvs", "services="+strconv.Itoa(n))
		return &m.run
	}
	got, r := print(t, "table", part("a", "6.1", 10), part("b", "6.1", 100), part("c", "6.1", 1000))
	if strings.Contains(got, "run ") || len(r.Tables[0].Rows) != 3 || r.Tables[0].Fits[0].Growth.Class != "O(n)" {
		t.Errorf("parts of one run:\n%s", got)
	}
	got, _ = print(t, "table", part("x/old run", "6.1", 10), part("y/new", "6.12", 10))
	wants(t, got, "run      services", "old_run  10", "new      10", "kernel 6.12")
	got, _ = print(t, "benchfmt", part("x/same", "6.1", 10), part("y/same", "6.12", 10))
	wants(t, got, "/run=same/services", "/run=same_2/services")
}

// Names and labels longer than their room, many panels, more backends than
// looks: everything stays within the picture.
func TestPlotsOfMuch(t *testing.T) {
	m := newRun("much", nsPerOp)
	m.run.Meta.Fingerprint.Kernel = strings.Repeat("6.1.0-very-long-name", 12)
	for i := range 10 {
		backend := "kube-proxy-" + strings.Repeat("x", 5*i) + strconv.Itoa(i)
		for _, n := range []int{10, 1000, 1001, 100000} {
			m.cell(backend, n, results.OK, "")
			for zone := range 7 {
				m.result("FirstPacket", float64(1000*(i+1)+n*(zone+1)), "backend="+backend, "services="+strconv.Itoa(n), "zone="+strconv.Itoa(zone))
			}
		}
	}
	r, err := Build(&m.run)
	if err != nil {
		t.Fatal(err)
	}
	dir, names := plots(t, r)
	if len(names) != 4 { // curves, and the bars that a crowd has beside them
		t.Fatalf("got %q", names)
	}
	for _, name := range []string{names[0], names[2]} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if !inMargin(img) {
			t.Errorf("something is drawn in the margin of %s", name)
		}
	}
}
