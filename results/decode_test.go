package results

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestDecodeTolerates(t *testing.T) {
	in := "goos: linux\r\n\nUnit insns/op better=lower assume=nothing note=x\nBenchmarkSync/backend=a\t 3   7.5 insns/op 2e3 B\r\n"
	units, results, err := Decode(strings.NewReader(in), "f")
	if err != nil {
		t.Fatal(err)
	}
	wantUnits := []Unit{{Name: "insns/op", Better: Lower}, {Name: "B"}}
	wantResults := []Result{{"Sync", []Label{{"backend", "a"}}, 3, []Sample{{7.5, "insns/op"}, {2000, "B"}}, nil, nil}}
	if !reflect.DeepEqual(units, wantUnits) || !reflect.DeepEqual(results, wantResults) {
		t.Errorf("got %+v %+v", units, results)
	}
}

func TestDecodeErrorsHaveFileAndLine(t *testing.T) {
	for in, want := range map[string]string{
		"hello":                          `samples.txt:2: "hello" is neither`,
		"BenchmarkSync":                  "samples.txt:2: the number of operations is missing",
		"BenchmarkSync 0 1 B":            `samples.txt:2: "0" is not a number of operations`,
		"BenchmarkSync 9x 1 B":           `samples.txt:2: "9x" is not a number of operations`,
		"BenchmarkSync 1":                "samples.txt:2: the result has no sample",
		"BenchmarkSync 1 2":              "samples.txt:2: figure 2 has no unit",
		"BenchmarkSync 1 x B":            `samples.txt:2: "x" is not a figure`,
		"BenchmarkSync 1 NaN B":          `samples.txt:2: "NaN" is not a figure`,
		"BenchmarkSync 1 1e999 B":        `samples.txt:2: "1e999" is not a figure`,
		"BenchmarkSync 1 1 B 2 B":        "samples.txt:2: two samples of B in one result",
		"BenchmarkSync/ipvs 1 1 B":       `samples.txt:2: label "ipvs" has no =`,
		"BenchmarkSync/a=1/a=2 1 1 B":    "samples.txt:2: label a is given twice",
		"Benchmark/a=1 1 1 B":            `samples.txt:2: measurement "" must be CamelCase`,
		"Unit ":                          `samples.txt:2: "Unit" is neither`,
		"Unit B better=bigger":           "samples.txt:2: unit B: better=bigger is neither lower nor higher",
		"Unit B better=":                 "samples.txt:2: unit B: better has no value",
		"Unit B assume=maybe":            "samples.txt:2: unit B: assume=maybe is neither exact nor nothing",
		"Unit B better":                  `samples.txt:2: unit B: "better" is not key=value`,
		"Unit B\nUnit B":                 "samples.txt:3: unit B is declared twice",
		strings.Repeat("x", maxLine+100): "samples.txt:2: the line is longer than 1048576 bytes",
	} {
		_, _, err := Decode(strings.NewReader("\n"+in), "samples.txt")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %s", in, err, want)
		}
	}
}

// Whatever Decode accepts, Encode writes, and it reads back as the same.
func FuzzDecode(f *testing.F) {
	f.Add(twoBackendsText)
	f.Add("Unit ns/op better=lower\nBenchmarkCPU/backend=x/services=5 1 -0 ns/op 1e300 µs")
	f.Add("key: value\nBenchmarkX/k=a=b 1 0x1p-2 u\n")
	f.Fuzz(func(t *testing.T, in string) {
		units, results, err := Decode(strings.NewReader(in), "f")
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := Encode(&b, units, results); err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		units2, results2, err := Decode(bytes.NewReader(b.Bytes()), "f")
		if err != nil {
			t.Fatalf("cannot read what was written: %v\n%s", err, b.Bytes())
		}
		if !reflect.DeepEqual(units, units2) || !reflect.DeepEqual(results, results2) {
			t.Fatalf("changed on the way:\n%+v %+v\n%+v %+v", units, results, units2, results2)
		}
	})
}
