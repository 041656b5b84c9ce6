package results

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// Of many operations quick ones are thinned out; none that was slow or did not end right.
func TestTimelineKeepsWhatWasSlowOrWrong(t *testing.T) {
	var all []Operation
	for i := range int64(10000) {
		o := Operation{Due: 10000 - i, Took: 100 + i%10, Outcome: Answered}
		switch {
		case i%100 == 7:
			o.Took = 1e6 + i
		case i%1000 == 3:
			o.Outcome = []Outcome{Lost, Refused, Misdirected, Stale}[i/1000%4]
		}
		all = append(all, o)
	}
	tl := NewTimeline("ns", all, nil)
	slow, wrong := 0, 0
	for i, o := range tl.Operations {
		if o.Took >= 1e6 {
			slow++
		}
		if o.Outcome != Answered {
			wrong++
		}
		if i > 0 && o.Due <= tl.Operations[i-1].Due {
			t.Fatalf("operation %d is not in order", i)
		}
	}
	if n := len(tl.Operations); tl.Total != 10000 || slow != 100 || wrong != 10 || n < 500 || n > 2100 {
		t.Errorf("%d of %d are kept, %d slow and %d wrong ones; want 100 and 10", n, tl.Total, slow, wrong)
	}
	if few := NewTimeline("ns", all[:900], nil); len(few.Operations) != 900 {
		t.Errorf("of 900 operations %d are kept", len(few.Operations))
	}
}

const timelineExample = timelineHead + "\nresult\tBenchmarkX/backend=b#0\tns\t3\nsync\t5\t9\tfull\nop\t1\t20\tanswered\nop\t3\t900\tlost\n"

func TestTimelineMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "f: it is empty",
		"# something else\n":                "f:1: it does not begin with",
		timelineHead + "\nop\t1\t2\tlost\n": "f:2: it stands before the first result",
		strings.Replace(timelineExample, "#0", "#1", 1):             "f:2: BenchmarkX/backend=b#1 is not a result",
		strings.Replace(timelineExample, "\t3\n", "\t1\n", 1):       "f:2: a timeline of 1 operations in all that has 2",
		strings.Replace(timelineExample, "\t5\t9", "\t9\t5", 1):     "f:3: a sync that ends before",
		strings.Replace(timelineExample, "op\t1\t20", "op\t1", 1):   "f:4: 3 fields where a line has 4",
		strings.Replace(timelineExample, "\t20\t", "\tx\t", 1):      "f:4: strconv",
		strings.Replace(timelineExample, "op\t1", "what\t1", 1):     "f:4: \"what\" is none of",
		strings.Replace(timelineExample, "op\t3", "op\t0", 1):       "f:5: an operation that was due before",
		strings.Replace(timelineExample, "lost", "found", 1):        "f:5: an operation that took 900 and was \"found\"",
		timelineExample + "result\tBenchmarkX/backend=b#0\tns\t3\n": "f:6: BenchmarkX/backend=b#0 is not a result of samples.txt, or stands here twice",
	} {
		err := decodeTimelines(strings.NewReader(text), "f", timelineResult())
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func timelineResult() map[string]*Result {
	return byTag([]Result{{Measurement: "X", Labels: []Label{{"backend", "b"}}}})
}

// What can be read is written as it was read.
func FuzzTimelines(f *testing.F) {
	f.Add(timelineExample)
	f.Fuzz(func(t *testing.T, text string) {
		at := timelineResult()
		if decodeTimelines(strings.NewReader(text), "f", at) != nil {
			return
		}
		for tag, r := range at {
			if r.Timeline == nil {
				continue
			}
			b := bytes.NewBufferString(timelineHead + "\n")
			r.Timeline.encode(b, tag)
			again := timelineResult()
			if err := decodeTimelines(b, "f", again); err != nil {
				t.Fatalf("cannot read what was written: %v", err)
			}
			if !reflect.DeepEqual(r.Timeline, again[tag].Timeline) {
				t.Fatalf("changed on the way: %+v, %+v", r.Timeline, again[tag].Timeline)
			}
		}
	})
}
