package report

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/results"
)

// crowded is a run of eleven backends, the control and ten that cost it and 100 times
// their number more; the last one, which is far above the others, at one size alone.
func crowded() *results.Run {
	m := newRun("crowded", results.Unit{Name: "insns/op", Better: results.Lower, Exact: true},
		results.Unit{Name: "p99-insns/op", Better: results.Lower, Exact: true})
	for i := range 11 {
		backend := "b" + strconv.Itoa((i*7)%11) // not in the order of cost
		for _, n := range []int{10, 100, 1000} {
			if i == 10 && n > 10 {
				continue
			}
			v := float64(1000 + 100*i + 10000*(i/10))
			m.cell(backend, n, results.OK, "")
			m.run.Results = append(m.run.Results, results.Result{
				Measurement: "FirstPacket", N: 1,
				Labels:  []results.Label{{Key: "backend", Value: backend}, {Key: "services", Value: strconv.Itoa(n)}},
				Samples: []results.Sample{{Value: v, Unit: "insns/op"}, {Value: v + 5, Unit: "p99-insns/op"}},
			})
		}
	}
	return &m.run
}

// Of a crowd the backends are rows, and each measurement's growth a table of its own.
func TestTableOfCrowd(t *testing.T) {
	got, _ := print(t, "table", crowded())
	wants(t, got, "backend  services=10  services=100  services=1000\nb0       1000         1000          1000\nb7       1100         1100          1100\n", "95 % interval: First packet\nbackend  insns/op\nb0       O(1)")
	for line := range strings.Lines(got) {
		if strings.Contains(line, "b0") && strings.Contains(line, "b7") && !strings.Contains(line, "O(1) with") {
			t.Errorf("backends beside each other: %s", line)
		}
	}
}

// Its bars are ordered by cost, the same in every panel, with numbers.
func TestBarsOfCrowd(t *testing.T) {
	r, err := Build(crowded())
	if err != nil {
		t.Fatal(err)
	}
	fs := r.figures()
	if len(fs) != 2 || fs[1].name != "first-packet-bars" || !fs[0].log {
		t.Fatalf("%d figures", len(fs))
	}
	for _, p := range fs[1].panels {
		order := ""
		for _, b := range p.bars {
			order += b.backend + " "
		}
		if order != "b0 b7 b3 b10 b6 b2 b9 b5 b1 b8 b4 " {
			t.Errorf("%s: %s", p.title, order)
		}
	}
}

// Minus takes the control off at the same point, and leaves out the control and what
// refines another unit.
func TestMinus(t *testing.T) {
	run := crowded()
	before := fmt.Sprint(run.Results)
	left, err := Minus(run, "b0")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(left.Results); n != 28 || len(left.Meta.Cells) != 28 || fmt.Sprint(run.Results) != before {
		t.Fatalf("%d results of %d cells are left, want 28 of 28, and the run as it was", n, len(left.Meta.Cells))
	}
	if s := left.Results[0].Samples; len(s) != 1 || s[0] != (results.Sample{Value: 100, Unit: "insns/op"}) {
		t.Errorf("left is %v, want 100 insns/op", s)
	}
	if _, err := Minus(run, "none"); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("of a backend that there is not: %v", err)
	}
	run.Units[0].Exact = false
	if _, err := Minus(run, "b0"); err == nil {
		t.Error("noisy figures were taken off each other")
	}
}
