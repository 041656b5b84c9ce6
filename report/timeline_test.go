package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/results"
)

// Timelines have a picture for each other label, with a panel a backend at the size that
// all have, and none where nothing was synced. What was lost is in the legend.
func TestTimelines(t *testing.T) {
	m := newRun("timelines", nsPerOp)
	add := func(backend, services, phase string, ops []results.Operation, syncs ...results.SyncMark) {
		m.run.Results = append(m.run.Results, results.Result{
			Measurement: "DuringSync", N: 1, Samples: []results.Sample{{Value: 1, Unit: nsPerOp.Name}},
			Labels:   []results.Label{{Key: "backend", Value: backend}, {Key: "services", Value: services}, {Key: "phase", Value: phase}},
			Timeline: results.NewTimeline("ns", ops, syncs),
		})
	}
	ops := []results.Operation{{Due: 1e6, Took: 2e5, Outcome: results.Answered}, {Due: 5e6, Took: 9e8, Outcome: results.Lost}}
	sync := results.SyncMark{Name: "full", From: 2e6, To: 8e6}
	add("ipvs", "10", "before", ops)
	add("ipvs", "10", "full", ops, sync)
	add("nftables", "10", "full", ops[:1], sync)
	add("nftables", "100", "full", ops[:1], sync)
	add("ipvs", "10", "full", ops[:1], sync) // another repetition
	r, err := Build(&m.run)
	if err != nil {
		t.Fatal(err)
	}
	fs := r.timelines()
	if len(fs) != 1 || len(fs[0].panels) != 2 || fs[0].name != "during-sync-timeline-full" {
		t.Fatalf("%+v", fs)
	}
	if foot := fs[0].foot(); !strings.Contains(foot, "The first of 2 repetitions.") {
		t.Errorf("the foot: %s", foot)
	}
	if e := fs[0].legend[0]; e != (legendEntry{"ipvs", "slowest answer 200µs", "of 2, 1 not right"}) {
		t.Errorf("legend: %+v", e)
	}
	if _, names := plots(t, r); !slices.Contains(names, "during-sync-timeline-full.png") {
		t.Errorf("plots: %v", names)
	}
	// The page's has the phases of a cell one after the other.
	var names []string
	for _, f := range r.Document().Figures {
		if !f.Timelines {
			continue
		}
		names = append(names, f.Name)
		if !strings.Contains(f.Foot, "The first of 2 repetitions.") {
			t.Errorf("the page's foot: %s", f.Foot)
		}
		if phases := f.Panels[0].Timeline.Phases; len(phases) != 2 || phases[0].Name != "before" || phases[1].Name != "full" {
			t.Errorf("phases of the first panel: %+v", phases)
		}
		want := [][]string{
			{"ipvs", "before", "2", "1", "0", "0", "0", "1", "200.0µs", "1.000ms", "0", "2"},
			{"ipvs", "full", "2", "1", "0", "0", "0", "1", "200.0µs", "1.000ms", "1", "2"},
			{"nftables", "full", "1", "1", "0", "0", "0", "0", "200.0µs", "1.000ms", "1", "1"},
		}
		if !slices.EqualFunc(f.Table.Rows, want, slices.Equal) {
			t.Errorf("the table: %q", f.Table.Rows)
		}
	}
	if !slices.Equal(names, []string{"during-sync-timeline"}) {
		t.Errorf("the page's timelines: %v", names)
	}
}

// What is drawn of very many operations is no more than there is room for, in order, and
// has the slowest answers and those that were not right, unless these alone are too many.
func TestThinned(t *testing.T) {
	for _, wrong := range []int{0, 1, 60, 400, 1000} {
		var all []results.Operation
		for i := range 1000 {
			o := results.Operation{Due: int64(i), Took: int64(i*7919%1000) + 1, Outcome: results.Answered}
			if i < wrong {
				o.Outcome = results.Lost
			}
			all = append(all, o)
		}
		kept := thinned(all, 200)
		if len(kept) > 200 || len(kept) < 100 || !slices.IsSortedFunc(kept, func(a, b results.Operation) int { return int(a.Due - b.Due) }) {
			t.Errorf("%d wrong: %d are kept", wrong, len(kept))
		}
		if got := wrongs(kept); got != min(wrong, 100) {
			t.Errorf("%d wrong: %d of them are kept", wrong, got)
		}
		slowest := 0
		for _, o := range all[wrong:] {
			if o.Took > 950 && !slices.Contains(kept, o) {
				slowest++
			}
		}
		if slowest > 0 {
			t.Errorf("%d wrong: %d of the slowest are missing", wrong, slowest)
		}
	}
	if got := fairShare([]int{10, 1000, 30, 500}, 440); got != 200 {
		t.Errorf("a share is %d, want what 10 and 30 leave to two", got)
	}
}
