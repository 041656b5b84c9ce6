package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func upTo(n int) []int64 {
	var all []int64
	for i := range n {
		all = append(all, int64(i+1))
	}
	return all
}

func TestHistogramLossesAreInEveryPercentileTheyReach(t *testing.T) {
	h := NewHistogram("ns", upTo(98), 2, 2e9)
	for _, tt := range []struct {
		q    float64
		want int64
		lost bool
	}{{0, 1, false}, {0.5, 50, false}, {0.98, 98, false}, {0.99, 2e9, true}, {1, 2e9, true}} {
		if v, lost := h.Quantile(tt.q); v != tt.want || lost != tt.lost {
			t.Errorf("quantile %v: %d, lost %v; want %d, %v", tt.q, v, lost, tt.want, tt.lost)
		}
	}
	all := Merged([]*Histogram{h, NewHistogram("ns", upTo(100), 0, 2e9)})
	if all.Count() != 200 || all.Lost != 2 {
		t.Errorf("merged: %d operations, %d lost", all.Count(), all.Lost)
	}
	if v, _ := all.Quantile(0.5); v != 50 {
		t.Errorf("merged median: %d", v)
	}
}

// A run carries its histograms and timelines through an interruption to the reader, and
// HdrHistogram's own reader reads the file.
func TestRunCarriesHistogramsAndTimelines(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	cells := testCells()
	cells[0].Results[0].Histogram = NewHistogram("insns", upTo(98), 2, 2e9)
	cells[0].Results[0].Timeline = NewTimeline("insns", []Operation{{5, 7, Lost}, {1, 3, Answered}}, []SyncMark{{"full", 2, 4}})
	again := cells[0]
	again.Meta.Repeat = 1
	again.Results = []Result{again.Results[0]}
	again.Results[0].Histogram = NewHistogram("insns", upTo(7), 0, 2e9)
	again.Results[0].Timeline = NewTimeline("insns", []Operation{{1, 4, Misdirected}}, nil)
	cells = append(cells, again)
	w, err := Create(dir, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cells[:2] {
		if err := w.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w, err = Resume(dir, testMeta()); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(cells[2]); err != nil {
		t.Fatal(err)
	}
	units, _ := twoBackends()
	if err := w.Finish(units, keys(cells), time.Unix(1, 0).UTC()); err != nil {
		t.Fatal(err)
	}
	run, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []Result
	for _, c := range cells {
		want = append(want, c.Results...)
	}
	if len(run.Results) != len(want) {
		t.Fatalf("%d results", len(run.Results))
	}
	for i := range want {
		a, b := want[i].Histogram, run.Results[i].Histogram
		if (a == nil) != (b == nil) || a != nil && (a.Lost != b.Lost || a.Unit != b.Unit || a.Timeout != b.Timeout || !reflect.DeepEqual(a.Bars(), b.Bars())) {
			t.Errorf("result %d: %+v, want %+v", i, b, a)
		}
		if a, b := want[i].Timeline, run.Results[i].Timeline; !reflect.DeepEqual(a, b) {
			t.Errorf("timeline of result %d: %+v, want %+v", i, b, a)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, histogramsDir, "FirstPacket.hlog"))
	if err != nil {
		t.Fatal(err)
	}
	r := hdrhistogram.NewHistogramLogReader(bytes.NewReader(data))
	h, err := r.NextIntervalHistogram()
	if err != nil || h == nil {
		t.Fatalf("HdrHistogram's reader: %v", err)
	}
	if h.TotalCount() != 100 || h.Min() != 1 {
		t.Errorf("HdrHistogram reads %d operations from %d", h.TotalCount(), h.Min())
	}
}

func TestHistogramErrorsHaveFileAndLine(t *testing.T) {
	data, err := json.Marshal(NewHistogram("ns", upTo(3), 0, 5))
	if err != nil {
		t.Fatal(err)
	}
	var j histogramJSON
	if err := json.Unmarshal(data, &j); err != nil {
		t.Fatal(err)
	}
	head := histogramHead + "unit ns, timeout 5, lost 0]\n"
	good := "Tag=BenchmarkSync/backend=a#0,0.000,0.000,3," + j.V2 + "\n"
	for text, want := range map[string]string{
		head + good:                    "",
		good:                           "f:1: a histogram whose unit",
		head + good + good:             "f:3: BenchmarkSync/backend=a#0 is not a result of samples.txt, or stands here twice",
		head + "Tag=x,1,2\n":           "f:2: 3 fields",
		head + "Tag=x#0,0,0,0,zz\n":    "f:2: x#0 is not a result",
		head + good[:60] + "\n":        "f:2: a histogram that is none",
		"hello\n":                      "f:1: neither a comment",
		histogramHead + "unit ns]\n":   "f:1: not the unit",
		histogramHead + "lost 3 ns]\n": "f:1: not the unit",
	} {
		r := Result{Measurement: "Sync", Labels: []Label{{"backend", "a"}}}
		err := decodeHistograms(strings.NewReader(text), "f", map[string]*Result{r.Name() + "#0": &r})
		var syntax *SyntaxError
		if want == "" && err != nil || want != "" && (!errors.As(err, &syntax) || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%.60q: got %v, want %s", text, err, want)
		}
	}
}

func FuzzHistograms(f *testing.F) {
	f.Add(histogramHead + "unit ns, timeout 5, lost 0]\nTag=BenchmarkSync#0,0.000,0.000,3,HISTFAAA")
	f.Fuzz(func(_ *testing.T, text string) {
		r := Result{Measurement: "Sync"}
		_ = decodeHistograms(strings.NewReader(text), "f", map[string]*Result{r.Name() + "#0": &r}) // an error or a histogram, no panic
		if r.Histogram != nil {
			r.Histogram.Quantile(0.5)
		}
	})
}
