package page

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/svcmark/svcmark/results"
)

// timed is a run with timelines of two backends in two phases, each of n operations that
// were answered and four that were not answered right.
func timed(t *testing.T, n int) *results.Run {
	run := read(t, references+"quick")
	for b, backend := range []string{"ipvs", "nftables"} {
		for p, phase := range []string{"before", "full"} {
			begin := int64(p) * int64(n+10) * 1e6
			var ops []results.Operation
			for i := range n {
				ops = append(ops, results.Operation{Due: begin + int64(i)*1e6, Took: 1e5 + int64(i*7919%n)*1000*int64(b+1), Outcome: results.Answered})
			}
			var syncs []results.SyncMark
			if phase != "before" {
				for i, outcome := range []results.Outcome{results.Lost, results.Refused, results.Misdirected, results.Stale} {
					ops = append(ops, results.Operation{Due: begin + int64(i+1)*2e6 + 1, Took: 5e7 + int64(i), Outcome: outcome})
				}
				syncs = []results.SyncMark{{Name: "full", From: begin + 1e6, To: begin + 9e6}}
			}
			run.Results = append(run.Results, results.Result{
				Measurement: "DuringSync", N: 1, Samples: []results.Sample{{Value: 1, Unit: run.Units[0].Name}},
				Labels: []results.Label{
					{Key: "backend", Value: backend}, {Key: "services", Value: "100"},
					{Key: "protocol", Value: "tcp"}, {Key: "kind", Value: "new"}, {Key: "phase", Value: phase},
				},
				Timeline: results.NewTimeline("ns", ops, syncs),
			})
		}
	}
	return run
}

func dataOf(t *testing.T, page string) Data {
	t.Helper()
	m := regexp.MustCompile(`(?s)id="figures-data">(.*?)</script>`).FindStringSubmatch(page)
	var d Data
	if m == nil {
		t.Fatal("the page has no figures")
	}
	if err := json.Unmarshal([]byte(m[1]), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// The page's timelines are the run's to the last digit, and its table counts them.
func TestTimelinesAreTheRuns(t *testing.T) {
	run := timed(t, 50)
	text := pageOf(t, run)
	found := 0
	for _, f := range dataOf(t, text).Figures {
		if !f.Timelines {
			continue
		}
		for _, p := range f.Panels {
			for _, phase := range p.Timeline.Phases {
				i := slices.IndexFunc(run.Results, func(r results.Result) bool {
					return r.Timeline != nil && r.Label("backend") == p.Timeline.Backend && r.Label("phase") == phase.Name
				})
				want := run.Results[i].Timeline
				found++
				var ops []string
				for outcome, flat := range phase.Operations {
					for k := 0; k < len(flat); k += 2 {
						ops = append(ops, fmt.Sprint(results.Operation{Due: flat[k], Took: flat[k+1], Outcome: outcome}))
					}
				}
				var wanted []string
				for _, o := range want.Operations {
					wanted = append(wanted, fmt.Sprint(o))
				}
				slices.Sort(ops)
				slices.Sort(wanted)
				if len(ops) < 50 || !slices.Equal(ops, wanted) {
					t.Errorf("%s, %s: the page has %d operations, the run %d, or others", p.Title, phase.Name, len(ops), len(wanted))
				}
				if len(phase.Syncs) != len(want.Syncs) || len(phase.Syncs) > 0 && (phase.Syncs[0].From != want.Syncs[0].From || phase.Syncs[0].To != want.Syncs[0].To) {
					t.Errorf("%s, %s: syncs %v, want %v", p.Title, phase.Name, phase.Syncs, want.Syncs)
				}
			}
		}
	}
	if found != 4 {
		t.Errorf("the page has %d timelines, want 4", found)
	}
	row := "<td>ipvs</td><td>full</td><td>54</td><td>50</td><td>1</td><td>1</td><td>1</td><td>1</td><td>50.00ms</td>"
	if !strings.Contains(text, row) || strings.Contains(text, "operations are drawn") {
		t.Error("the table lacks ipvs in full, or something is said to be left out")
	}
}

// A page of long timelines is small still, has every operation that was not answered right, and
// says what it leaves out.
func TestLongTimelines(t *testing.T) {
	run := timed(t, 300000)
	text := pageOf(t, run)
	drawn := 0
	for _, f := range dataOf(t, text).Figures {
		for _, p := range f.Panels {
			if p.Timeline == nil {
				continue
			}
			for _, phase := range p.Timeline.Phases {
				drawn += len(phase.Operations[results.Answered]) / 2
				if phase.Name == "full" && len(phase.Operations[results.Lost]) != 2 {
					t.Error("a lost operation is missing")
				}
			}
		}
	}
	if drawn < 15000 || len(text) > 1500000 {
		t.Errorf("%d operations are drawn on a page of %d bytes", drawn, len(text))
	}
	if want := fmt.Sprintf("%d of 1200008 operations are drawn", drawn+8); !strings.Contains(text, want) {
		t.Errorf("the page does not say %q", want)
	}
}

// Timelines have a panel a backend with bands and marks, obey the buttons, and tell
// values to the keyboard and to a tap.
func TestBrowserTimelines(t *testing.T) {
	b := open(t, 375, timed(t, 50))
	const at = "#figure-during-sync-timeline-tcp-new"
	count := func(selector string, want int) {
		t.Helper()
		if n := says[int](t, b, `document.querySelectorAll("`+at+` svg[role=img] `+selector+`").length`); n != want {
			t.Errorf("%d of %s, want %d", n, selector, want)
		}
	}
	count("[data-sync=full]", 2)
	for _, outcome := range []string{"lost", "refused", "misdirected", "stale", "answered"} {
		count("[data-outcome="+outcome+"]", 2)
	}
	if n := says[int](t, b, `document.querySelector("`+at+` [data-outcome=answered]").getAttribute("d").split("M").length - 1`); n != 100 {
		t.Errorf("%d dots, want 100", n)
	}
	shapes := `new Set([...document.querySelectorAll("` + at + ` svg[role=img] [data-outcome]:not([data-outcome=answered])")].map(e => e.getAttribute("d"))).size`
	if n := says[int](t, b, shapes); n != 4 {
		t.Errorf("%d shapes of marks, want 4", n)
	}
	tip := func() string { t.Helper(); return says[string](t, b, `document.getElementById("tip").textContent`) }
	b.do(t, chromedp.Focus(chromedp.CSS(at+" [data-key=panel-0]")), chromedp.KeyEvent(kb.ArrowRight))
	for range 20 {
		if strings.HasPrefix(tip(), "ipvs, full\nlost") {
			break
		}
		b.do(t, chromedp.KeyEvent(kb.ArrowRight))
	}
	if got := tip(); got != "ipvs, full\nlost: given up after 50ms\ndue at 62ms, beside a full sync" {
		t.Errorf("by keyboard: %q", got)
	}
	tapped := says[string](t, b, `(() => {
		const plot = document.querySelector("`+at+` [data-key=panel-1]"), mark = plot.querySelector("[data-outcome=stale]").getBoundingClientRect();
		plot.dispatchEvent(new PointerEvent("pointerdown", { pointerType: "touch", clientX: mark.x + mark.width / 2, clientY: mark.y + mark.height / 2 }));
		return document.getElementById("tip").textContent;
	})()`)
	if !strings.HasPrefix(tapped, "nftables, full\nstale: answered after 50ms") {
		t.Errorf("after a tap: %q", tapped)
	}
	b.do(t, chromedp.Click(chromedp.CSS(at+" [data-key=scale]")))
	if got := says[string](t, b, `document.querySelector("`+at+` [data-key=scale]").textContent`); got != "Logarithmic axis" {
		t.Errorf("after its click the button says %q", got)
	}
	b.do(t, chromedp.Click(chromedp.CSS(`#backends [data-backend=ipvs]`)))
	count("[data-sync=full]", 1)
	if got := says[[2]int](t, b, `[document.documentElement.scrollWidth, document.documentElement.clientWidth]`); got[0] > got[1] {
		t.Errorf("the page is %d wide on a screen of %d", got[0], got[1])
	}
	b.clean(t)
}
