package report

import (
	"slices"
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
	r, err := Build(&m.run)
	if err != nil {
		t.Fatal(err)
	}
	fs := r.timelines()
	if len(fs) != 1 || len(fs[0].panels) != 2 || fs[0].name != "during-sync-timeline-full" {
		t.Fatalf("%+v", fs)
	}
	if e := fs[0].legend[0]; e != (legendEntry{"ipvs", "slowest answer 200µs", "of 2, 1 not right"}) {
		t.Errorf("legend: %+v", e)
	}
	if _, names := plots(t, r); !slices.Contains(names, "during-sync-timeline-full.png") {
		t.Errorf("plots: %v", names)
	}
	for _, f := range r.Document().Figures {
		if f.Name == fs[0].name {
			t.Error("the page has a figure that it cannot draw")
		}
	}
}
