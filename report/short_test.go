package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/results"
)

// The short report has a screen's length, and wide has what it leaves out.
func TestShortIsShort(t *testing.T) {
	short, r := print(t, "table", invented(t))
	if n := strings.Count(short, "\n"); n > 60 {
		t.Errorf("%d lines", n)
	}
	for _, word := range []string{"min-insns/op", "direct-insns/op", "wait-ns/op", "protocol=udp"} {
		if strings.Contains(short, word) {
			t.Errorf("the short report has %s", word)
		}
	}
	wide, _ := print(t, "wide", invented(t))
	wants(t, wide, "min-insns/op", "direct-insns/op", "Sync, wait-ns/op", "protocol=udp", "softirq-insns/op")
	for _, text := range []string{short, wide} {
		if strings.Count(text, "insns: instructions") != 1 || !strings.HasSuffix(text, r.Verdict()+"\n") || strings.Count(text, r.Verdict()) != 1 {
			t.Errorf("the end is not as it should be:\n%s", text)
		}
	}
	var body strings.Builder
	if err := r.Body(&body); err != nil {
		t.Fatal(err)
	}
	if body.String()+"\n"+r.Verdict()+"\n" != short {
		t.Errorf("Body is not the table without its verdict:\n%s", body.String())
	}
	if got, _ := print(t, "table", wallRun()); strings.Contains(got, "insns") {
		t.Errorf("the wall clock knows no instructions:\n%s", got)
	}
}

func TestHeadline(t *testing.T) {
	table := func(rows ...string) *Table {
		t := &Table{Keys: []string{"endpoints", "protocol", "position", Axis}}
		for _, r := range rows {
			t.Rows = append(t.Rows, Row{Values: strings.Fields(r)})
		}
		return t
	}
	for _, tt := range []struct {
		name  string
		table *Table
		want  string
	}{
		{"preferred", table("1 udp first 10", "1 udp last 10", "3 tcp first 10", "3 tcp last 10"), "protocol=tcp position=last"},
		{"the first of others", table("1 sctp near 10", "1 udp far 10"), "protocol=sctp position=near"},
		{"only what goes together", table("1 udp last 10", "1 tcp first 10"), "protocol=tcp position=first"},
	} {
		if got := labelText(tt.table.headline(headlineKeys()...)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	all := table("1 udp last 10", "3 tcp last 10", "5 tcp last 10").at([]results.Label{{Key: "protocol", Value: "tcp"}})
	if got := fmt.Sprint(all.Keys, all.Rows[0].Values, len(all.Rows)); got != "[endpoints position services] [3 last 10] 2" {
		t.Errorf("got %s", got)
	}
}

// A unit that is 0 wherever it was measured is a line and no picture, also
// beside cells that are n/a or failed; but a single loss is shown in full, at
// whatever position it was.
func TestZeroUnits(t *testing.T) {
	lost := results.Unit{Name: "lost/op", Better: results.Lower}
	run := func(value float64) *results.Run {
		m := newRun("zero", nsPerOp, lost)
		for _, backend := range []string{"ipvs", "nftables", "ebpf"} {
			for _, n := range []int{10, 100, 1000} {
				if n == 1000 && backend != "ipvs" {
					m.cell(backend, n, map[string]results.Status{"nftables": results.Failed, "ebpf": results.NotRun}[backend], "it cannot")
					continue
				}
				m.cell(backend, n, results.OK, "")
				for _, position := range []string{"last", "first"} {
					for i := range 3 {
						m.result("FirstPacket", float64(n), "backend="+backend, "services="+strconv.Itoa(n), "position="+position)
						r := &m.run.Results[len(m.run.Results)-1]
						v := 0.0
						if backend == "ipvs" && n == 100 && position == "first" && i == 0 {
							v = value
						}
						r.Samples = append(r.Samples, results.Sample{Value: v, Unit: "lost/op"})
					}
				}
			}
		}
		return &m.run
	}
	got, r := print(t, "table", run(0))
	wants(t, got, "\nFirst packet: lost/op is 0 everywhere.\n", "1 of 9 cells failed, 1 of 9 cells n/a")
	if _, names := plots(t, r); !slices.Equal(names, []string{"first-packet.png", "first-packet.svg"}) {
		t.Errorf("plots: %q", names)
	}
	got, r = print(t, "table", run(1))
	wants(t, got, "First packet, lost/op: median, lower is better; 0 in all other rows\nposition  services  ipvs", "\nfirst     100       0 ±∞", " the repetitions range from 0 to 1\n")
	if strings.Contains(got, "everywhere") {
		t.Errorf("a loss is hidden:\n%s", got)
	}
	if _, names := plots(t, r); len(names) != 2 { // the median is 0
		t.Errorf("plots: %q", names)
	}
}

// A rise at the largest size only has no exponent; nothing infinite is printed.
func TestNoInfiniteExponent(t *testing.T) {
	m := newRun("jump", nsPerOp)
	for i, v := range []float64{100, 100, 9000} {
		n := strconv.Itoa(10 * (i + 1))
		for _, backend := range []string{"ipvs", "ebpf"} {
			for range 6 {
				m.result("Sync", v, "backend="+backend, "services="+n)
			}
			if backend == "ipvs" {
				v *= 1.0001
			}
		}
	}
	for _, format := range []string{"table", "wide", "md"} {
		got, _ := print(t, format, &m.run)
		if strings.Contains(got, "∞") || strings.Contains(got, "NaN") || strings.Contains(got, "Inf") {
			t.Errorf("%s:\n%s", format, got)
		}
	}
	r, err := Build(&m.run)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.figures() {
		for _, e := range f.legend {
			if strings.Contains(e.detail, "∞") {
				t.Errorf("legend: %s", e.detail)
			}
		}
	}
}

// Why a class is unclear is said once.
func TestVerdictSaysReasonsOnce(t *testing.T) {
	m := newRun("few", nsPerOp)
	for _, n := range []int{10, 100, 1000} {
		for _, measurement := range []string{"Sync", "FirstPacket"} {
			m.result(measurement, float64(n), "backend=ipvs", "services="+strconv.Itoa(n))
			for _, backend := range []string{"ebpf", "nftables"} {
				if n < 1000 {
					m.result(measurement, float64(n), "backend="+backend, "services="+strconv.Itoa(n))
				}
			}
		}
	}
	_, r := print(t, "table", &m.run)
	if got, want := r.Verdict(), "Sync: O(n) with ipvs (1.00ns per Service), unclear with ebpf and nftables (need >= 3 sizes, have 2); first packet: O(n) with ipvs (1.00ns per Service), unclear with ebpf and nftables."; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// The rest is shown where all backends that were measured compare.
func TestCommonSize(t *testing.T) {
	for _, tt := range []struct {
		rows []string // size, then what backends a and b have: y or n
		size string
		all  bool
	}{
		{[]string{"10 yy", "100 yn"}, "10", false},
		{[]string{"10 yn", "100 yn"}, "100", true},
		{[]string{"10 yn", "100 ny"}, "100", true},
		{nil, "", true},
	} {
		table := &Table{Keys: []string{Axis}, Columns: []string{"a", "b"}}
		for _, r := range tt.rows {
			size, have, _ := strings.Cut(r, " ")
			row := Row{Values: []string{size}, X: axisValue(size)}
			for _, h := range have {
				row.Cells = append(row.Cells, Cell{State: map[rune]State{'y': Measured, 'n': NA}[h]})
			}
			table.Rows = append(table.Rows, row)
		}
		if size, all := commonSize([]*Table{table}); size != tt.size || all != tt.all {
			t.Errorf("%v: got %q, %v", tt.rows, size, all)
		}
	}
}

// Cells of one reason are one line, when that line can name just them.
func TestProblemsOfOneReason(t *testing.T) {
	m := newRun("gone", nsPerOp)
	for _, backend := range []string{"ipvs", "ebpf"} {
		for _, n := range []int{10, 100} {
			for i := range 2 {
				m.cell(backend, n, results.Failed, "power cut\nat noon").Repeat = i
			}
		}
	}
	m.cell("userspace", 10, results.Failed, "line 1\n2\n3\n4\n5\n6\n7\n8")
	got, _ := print(t, "table", &m.run)
	wants(t, got, "failed: backend=ipvs,ebpf services=10,100 repeat=0,1: power cut\n  | at noon\n", "  | 6\n  | … -o wide has all of it\n")
	got, _ = print(t, "wide", &m.run)
	wants(t, got, "  | 7\n  | 8\n")
	m.run.Meta.Cells = m.run.Meta.Cells[:7] // one combination less
	got, _ = print(t, "table", &m.run)
	wants(t, got, "failed: backend=ipvs services=10 repeat=0, backend=ipvs services=10 repeat=1, ")
}

// Two sizes have a ratio, which is what a verdict can say of them; not where backends have
// other sizes.
func TestVerdictOfTwoSizes(t *testing.T) {
	m := newRun("two", nsPerOp)
	for _, n := range []int{10, 1000} {
		for _, measurement := range []string{"Sync", "FirstPacket"} {
			for backend, slope := range map[string]float64{"direct": 0, "ipvs": 0, "legacy": 1, "nft": 20} {
				if backend == "nft" && n > 10 {
					continue // limited to the smaller
				}
				m.result(measurement, 125+slope*float64(n), "backend="+backend, "services="+strconv.Itoa(n), "position=last")
			}
		}
	}
	_, r := print(t, "table", &m.run)
	if got, want := r.Verdict(), "From 10 to 1000 Services: sync x1.0 with direct and ipvs, x8.3 with legacy; first packet x1.0 with direct and ipvs, x8.3 with legacy; two sizes tell no class of growth."; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	m.result("Sync", 5, "backend=nft", "services=100", "position=last")
	if _, r = print(t, "table", &m.run); strings.Contains(r.Verdict(), "x8.3") {
		t.Errorf("sizes that differ are compared: %s", r.Verdict())
	}
}
