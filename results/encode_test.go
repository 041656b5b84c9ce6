package results

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"
)

// twoBackends is what a small run could have measured, in the matrix's order.
func twoBackends() ([]Unit, []Result) {
	units := []Unit{
		{Name: "insns/op", Better: Lower, Exact: true},
		{Name: "lost/op", Better: Lower},
		{Name: "rules"},
	}
	labels := func(backend, position string) []Label {
		ls := []Label{{"backend", backend}, {"services", "10"}}
		if position != "" {
			ls = append(ls, Label{"position", position})
		}
		return ls
	}
	return units, []Result{
		{"FirstPacket", labels("ipvs", "last"), 200, []Sample{{197063, "insns/op"}, {0, "lost/op"}}, nil, nil},
		{"Objects", labels("ipvs", ""), 1, []Sample{{17, "rules"}}, nil, nil},
		{"FirstPacket", labels("iptables-legacy", "last"), 200, []Sample{{222500.5, "insns/op"}, {0, "lost/op"}}, nil, nil},
		{"Objects", labels("iptables-legacy", ""), 1, []Sample{{115, "rules"}}, nil, nil},
	}
}

const twoBackendsText = `Unit insns/op better=lower assume=exact
Unit lost/op better=lower
Unit rules

BenchmarkFirstPacket/backend=ipvs/services=10/position=last 200 197063 insns/op 0 lost/op
BenchmarkObjects/backend=ipvs/services=10 1 17 rules
BenchmarkFirstPacket/backend=iptables-legacy/services=10/position=last 200 222500.5 insns/op 0 lost/op
BenchmarkObjects/backend=iptables-legacy/services=10 1 115 rules
`

func TestEncode(t *testing.T) {
	units, results := twoBackends()
	var b bytes.Buffer
	if err := Encode(&b, units, results); err != nil {
		t.Fatal(err)
	}
	if b.String() != twoBackendsText {
		t.Errorf("got\n%s\nwant\n%s", b.String(), twoBackendsText)
	}
	gotUnits, gotResults, err := Decode(&b, "samples.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(gotUnits, units) || !reflect.DeepEqual(gotResults, results) {
		t.Errorf("read back:\n%+v\n%+v\nwant\n%+v\n%+v", gotUnits, gotResults, units, results)
	}
}

func TestEncodeFiguresAreExactAndPlain(t *testing.T) {
	for _, tt := range []struct {
		value float64
		want  string
	}{
		{1e21, "1000000000000000000000"},
		{1 << 53, "9007199254740992"},
		{0.1, "0.1"},
		{1.0 / 3, "0.3333333333333333"},
		{1e-9, "0.000000001"},
		{math.Copysign(0, -1), "0"},
		{-26, "-26"},
	} {
		r := Result{"Sync", nil, 1, []Sample{{tt.value, "insns/op"}}, nil, nil}
		line, err := r.line()
		if err != nil {
			t.Fatal(err)
		}
		if want := "BenchmarkSync 1 " + tt.want + " insns/op"; line != want {
			t.Errorf("got %q, want %q", line, want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	good := Result{"Sync", []Label{{"backend", "ipvs"}}, 1, []Sample{{1, "insns/op"}}, nil, nil}
	for _, tt := range []struct {
		name  string
		spoil func(*Result)
		want  string
	}{
		{"measurement", func(r *Result) { r.Measurement = "first packet" }, "CamelCase"},
		{"slash", func(r *Result) { r.Labels = []Label{{"backend", "kube-proxy/ipvs"}} }, "may not hold '/'"},
		{"space", func(r *Result) { r.Labels = []Label{{"backend", "a b"}} }, "may not hold ' '"},
		{"empty", func(r *Result) { r.Labels = []Label{{"backend", ""}} }, "has no value"},
		{"twice", func(r *Result) { r.Labels = []Label{{"a", "1"}, {"a", "2"}} }, "given twice"},
		{"gomaxprocs", func(r *Result) { r.Labels = []Label{{"kernel", "6.1.0-56"}} }, "GOMAXPROCS"},
		{"key", func(r *Result) { r.Labels = []Label{{"Kernel", "6"}} }, "label key"},
		{"n", func(r *Result) { r.N = 0 }, "at least one operation"},
		{"no sample", func(r *Result) { r.Samples = nil }, "no sample"},
		{"nan", func(r *Result) { r.Samples = []Sample{{math.NaN(), "insns/op"}} }, "not a figure"},
		{"inf", func(r *Result) { r.Samples = []Sample{{math.Inf(1), "insns/op"}} }, "not a figure"},
		{"unit", func(r *Result) { r.Samples = []Sample{{1, "in sns"}} }, "no name for a unit"},
		{"unit twice", func(r *Result) { r.Samples = []Sample{{1, "insns/op"}, {2, "insns/op"}} }, "two samples"},
		{"undeclared", func(r *Result) { r.Samples = []Sample{{1, "ns/op"}} }, "not declared"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := good
			tt.spoil(&r)
			err := Encode(&bytes.Buffer{}, []Unit{{Name: "insns/op"}}, []Result{r})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// The Go project's own reader understands every line and the units.
func TestBenchfmtReadsIt(t *testing.T) {
	r := benchfmt.NewReader(strings.NewReader(twoBackendsText), "samples.txt")
	var names []string
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(rec)
		case *benchfmt.Result:
			names = append(names, rec.Name.String())
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if len(names) != 4 || names[0] != "FirstPacket/backend=ipvs/services=10/position=last" {
		t.Errorf("results: %q", names)
	}
	if r.Units().GetBetter("insns/op") != -1 {
		t.Error("benchfmt does not know that fewer insns/op are better")
	}
	if got := r.Units().Get("insns/op", "assume"); got == nil || got.Value != "exact" {
		t.Errorf("assume of insns/op: %v", got)
	}
}

// benchstat, as users run it, puts our backends side by side.
func TestBenchstatReadsIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "samples.txt")
	if err := os.WriteFile(file, []byte(twoBackendsText), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "tool", "benchstat", "-col", "/backend", file)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if stderr.Len() > 0 {
		t.Errorf("benchstat complains: %s", stderr.String())
	}
	// The insns/op are exact: no ± and no p-value, from one repetition.
	for _, want := range []string{"ipvs", "iptables-legacy", "197.1k", "222.5k", "+12.91%", "insns/op", "rules"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("benchstat's output lacks %q:\n%s", want, out)
		}
	}
}
