package claims

import (
	"bytes"
	"html"
	"math"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/report/page/pagetest"
)

func pageOf(t *testing.T, runs Runs) string {
	t.Helper()
	all, err := Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Page(&b, all, runs); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Whatever is found stands on the page, and what a run holds is text there.
func TestPage(t *testing.T) {
	runs := made(published)
	runs["growth"].Meta.Scenario = `</pre><script>alert(1)</script>`
	delete(runs, "restart")
	text := pageOf(t, runs)
	if n := strings.Count(text, "<script"); n != 2 {
		t.Errorf("the page has %d scripts, want its data and its own", n)
	}
	all, err := Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	escaped := func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "+", "&#43;") }
	for _, f := range Judge(all, runs) {
		for _, want := range append([]string{f.Says, f.Reason, f.Source, f.Published}, f.Measured...) {
			if !strings.Contains(text, escaped(want)) {
				t.Errorf("%s: the page lacks %q", f.ID, want)
			}
		}
	}
}

// Both sides are 1 at the smallest size that they have in common, and what has not been
// measured has no picture.
func TestPictures(t *testing.T) {
	all, err := Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	pictures := Pictures(all, made(published))
	if len(pictures) != 11 {
		t.Errorf("%d pictures, want 11", len(pictures))
	}
	common := map[string]float64{"c2": 1000, "c10": 100, "c12": 5000, "c16": 5000}
	for _, p := range pictures {
		for _, s := range p.Series {
			if len(s.Points) == 0 {
				t.Errorf("%s has nothing of %s", p.Name, s.Name)
			}
		}
		if size := common[p.Name]; size > 0 {
			for _, s := range p.Series[:2] {
				if got := valueAt(s, size); got != 1 {
					t.Errorf("%s: %s is %v at %v Services, want 1", p.Name, s.Name, got, size)
				}
			}
		}
	}
	// Published of IPVS by iptables at 1,000 and 10,000 Services: 20, 200, 5,000 and 100 ms.
	if got := valueAt(pictures[0].Series[3], 10000); got != 0.5 {
		t.Errorf("%s of C2 is %v at 10,000 Services, want 0.5", pictures[0].Series[3].Name, got)
	}
	if left := Pictures(all, made(func(m, backend, kind string, n float64) float64 {
		if backend == "iptables-legacy" {
			return math.NaN()
		}
		return published(m, backend, kind, n)
	})); len(left) != 2 { // C9 and C14 have no iptables-legacy
		t.Errorf("without iptables-legacy there are %d pictures", len(left))
	}
}

func valueAt(s report.Series, size float64) float64 {
	for _, p := range s.Points {
		if p.Services == size {
			return p.Value
		}
	}
	return math.NaN()
}

// The page draws what was published dashed, tells figures, fits a phone, and is legible
// in both themes, without a request and without an error.
func TestBrowserPage(t *testing.T) {
	b := pagetest.Open(t, 1280, pageOf(t, reference(t, "../results/reference/claims-quick")))
	const curves = `["", "[stroke-dasharray]"].map(s => document.querySelectorAll("#figure-c2 .panels path" + s).length)`
	if got := pagetest.Says[[2]int](t, b, curves); got != [2]int{4, 2} {
		t.Errorf("C2 has %d curves, %d of which are dashed; want 4 and 2", got[0], got[1])
	}
	if n := pagetest.Says[int](t, b, `document.querySelectorAll("figure svg[role=img]").length`); n != 11 {
		t.Errorf("%d plots, want 11", n)
	}
	tip := pagetest.Says[string](t, b, `(() => {
		const plot = document.querySelector("#figure-c2 svg[role=img]");
		plot.focus();
		plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
		return document.getElementById("tip").textContent;
	})()`)
	if !strings.HasPrefix(tip, "iptables-legacy\n100 Services: 0.") || !strings.HasSuffix(tip, "M instructions)") {
		t.Errorf("the first tip says %q", tip)
	}
	for range 2 {
		if got := pagetest.Says[float64](t, b, pagetest.LeastContrast); got < 4.5 {
			t.Errorf("the least contrast is %.2f", got)
		}
		b.Do(t, chromedp.Click(chromedp.CSS("#theme")))
	}
	b.Do(t, chromedp.EmulateViewport(375, 800), chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`))
	if got := pagetest.Says[[2]int](t, b, `[document.documentElement.scrollWidth, document.documentElement.clientWidth]`); got[0] > got[1] {
		t.Errorf("the page is %d wide on a screen of %d", got[0], got[1])
	}
	b.Clean(t)
}
