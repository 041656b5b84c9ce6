package page

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/svcmark/svcmark/report/page/pagetest"
	"github.com/svcmark/svcmark/results"
)

// browser is a headless Chromium with a report's page.
type browser struct{ *pagetest.Browser }

func open(t *testing.T, width int64, runs ...*results.Run) *browser {
	t.Helper()
	return &browser{pagetest.Open(t, width, pageOf(t, runs...))}
}

func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	b.Do(t, actions...)
}

// says evaluates an expression.
func says[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	return pagetest.Says[T](t, b.Browser, expression)
}

func (b *browser) clean(t *testing.T) {
	t.Helper()
	b.Clean(t)
}

// The page draws, toggles, sorts and obeys the keyboard, without a request and without
// an error.
func TestBrowser(t *testing.T) {
	b := open(t, 1280, read(t, references+"quick"))
	const paths = `document.querySelectorAll("#figure-sync path").length`
	if n := says[int](t, b, paths); n != 4 { // direct is off the scale
		t.Errorf("the sync has %d curves, want 4", n)
	}
	const ticks = `[...document.querySelectorAll("#figure-sync svg text")].map(e => e.textContent).join(" ")`
	if got := says[string](t, b, ticks); got != "10M 100M 1G 10 100 1k 5k Services" {
		t.Errorf("the sync's axes say %q", got)
	}

	b.do(t, chromedp.Click(chromedp.CSS(`#figure-sync [data-key=scale]`)))
	if got := says[string](t, b, ticks); !strings.HasPrefix(got, "0 500M 1G") {
		t.Errorf("linear axes say %q", got)
	}
	if got := says[string](t, b, `document.activeElement.textContent`); got != "Logarithmic axes" {
		t.Errorf("after its click the focus is on %q", got)
	}

	b.do(t, chromedp.Click(chromedp.CSS(`#backends [data-backend=ipvs]`)))
	if n := says[int](t, b, paths); n != 3 {
		t.Errorf("without ipvs the sync has %d curves, want 3", n)
	}
	b.do(t, chromedp.KeyEvent(" ")) // the button has the focus still
	if n := says[int](t, b, paths); n != 4 {
		t.Errorf("with ipvs again the sync has %d curves, want 4", n)
	}

	// By keyboard to a value, which is the table's.
	b.do(t, chromedp.Focus(chromedp.CSS(`#figure-sync [data-key=panel-0]`)), chromedp.KeyEvent(kb.ArrowRight))
	tip := says[string](t, b, `document.getElementById("tip").textContent`)
	if first := says[string](t, b, `[...document.querySelectorAll("#figure-sync td")].slice(-12, -11)[0].textContent`); tip == "" || first == "" {
		t.Errorf("the tip says %q", tip)
	}
	if !strings.HasPrefix(tip, "iptables-legacy\n10 Services: 12.") || !strings.HasSuffix(tip, "M instructions") {
		t.Errorf("the first tip says %q", tip)
	}
	b.do(t, chromedp.KeyEvent(kb.Escape))
	if !says[bool](t, b, `document.getElementById("tip").hidden`) {
		t.Error("the tip stays after Escape")
	}

	// A click on a column's head sorts by number, another one the other way round.
	const column = `[...document.querySelectorAll("#summary ~ .scroll table")[0].tBodies[0].rows].map(r => r.cells[0].textContent).join(" ")`
	head := `document.querySelectorAll("#summary ~ .scroll table")[0].tHead.rows[0].cells[2].querySelector("button").click()`
	b.do(t, chromedp.Evaluate[chromedp.Void](head), chromedp.Evaluate[chromedp.Void](head))
	if got := says[string](t, b, column); got != "5000 1000 100 10" {
		t.Errorf("sorted by iptables-legacy, falling: %s", got)
	}
	b.do(t, chromedp.Evaluate[chromedp.Void](head))
	if got := says[string](t, b, column); got != "10 100 1000 5000" {
		t.Errorf("in the order that it had: %s", got)
	}

	b.do(t, chromedp.Click(chromedp.CSS("#theme")))
	if got := says[string](t, b, `document.documentElement.dataset.theme + getComputedStyle(document.body).backgroundColor`); got != "darkrgb(20, 23, 27)" {
		t.Errorf("the dark theme is %s", got)
	}
	b.clean(t)
}

// On a phone the page scrolls in one direction only, and so does it with names that try
// to be more than that.
func TestBrowserOnAPhone(t *testing.T) {
	for _, run := range []*results.Run{read(t, references+"quick"), hostile(t)} {
		b := open(t, 375, run)
		b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`))
		if got := says[[2]int](t, b, `[document.documentElement.scrollWidth, document.documentElement.clientWidth]`); got[0] > got[1] {
			t.Errorf("the page is %d wide on a screen of %d", got[0], got[1])
		}
		if got := says[float64](t, b, `Math.min(...[...document.querySelectorAll("tbody td:first-child")].filter(e => e.checkVisibility()).map(e => e.clientWidth))`); got < 60 {
			t.Errorf("a column of names is %v wide: they stand letter below letter", got)
		}
		if n := says[int](t, b, `document.querySelectorAll("figure svg[role=img]").length`); n < 5 {
			t.Errorf("%d plots", n)
		}
		// A tap, which goes down and up and never moves, tells a value.
		tip := says[string](t, b, `(() => {
			const plot = document.querySelector("figure svg[role=img]"), point = plot.querySelector("polygon, circle").getBoundingClientRect();
			for (const kind of ["pointerdown", "pointerup", "pointerleave"])
				plot.dispatchEvent(new PointerEvent(kind, { pointerType: "touch", clientX: point.x + 3, clientY: point.y + 3 }));
			return document.getElementById("tip").hidden ? "" : document.getElementById("tip").textContent;
		})()`)
		if !strings.Contains(tip, " Services: ") {
			t.Errorf("after a tap the tip says %q", tip)
		}
		b.clean(t)
	}
}

// The Tab key comes to everything that can be used, in the order in which it is read, and
// shows where it is.
func TestBrowserTab(t *testing.T) {
	b := open(t, 1280, read(t, references+"quick"))
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`))
	const usable = `[...document.querySelectorAll("a[href], button, summary, input, select, [tabindex]")].filter(e => e.checkVisibility())`
	n := says[int](t, b, usable+`.length`)
	plots := says[int](t, b, usable+`.filter(e => e.matches("figure svg")).length`)
	if n < 40 || plots < 5 {
		t.Fatalf("%d things to use, among them %d plots", n, plots)
	}
	for i := range n {
		b.do(t, chromedp.KeyEvent(kb.Tab))
		got := says[struct {
			Place   int
			Tag     string
			Outline string
		}](t, b, `(() => {
			const e = document.activeElement, style = getComputedStyle(e);
			return { Place: `+usable+`.indexOf(e), Tag: e.outerHTML.slice(0, 120), Outline: style.outlineStyle + " " + style.outlineWidth };
		})()`)
		if got.Place != i {
			t.Fatalf("after %d tabs the focus is on the %d. thing: %s", i+1, got.Place+1, got.Tag)
		}
		if strings.HasPrefix(got.Outline, "none") || strings.HasSuffix(got.Outline, " 0px") {
			t.Errorf("the focus is not seen (%s) on %s", got.Outline, got.Tag)
		}
	}
	b.clean(t)
}

// Text is legible in both themes: the contrast of WCAG 2.2 for normal text, 4.5.
func TestBrowserContrast(t *testing.T) {
	b := open(t, 1280, read(t, references+"quick"), changed(t))
	for range 2 {
		if got := says[float64](t, b, pagetest.LeastContrast); got < 4.5 {
			t.Errorf("the least contrast is %.2f", got)
		}
		b.do(t, chromedp.Click(chromedp.CSS("#theme")))
	}
}

// Deltas show what has changed, all of them when asked, and sort by the change.
func TestBrowserDeltas(t *testing.T) {
	b := open(t, 375, read(t, references+"quick"), changed(t))
	const seen = `[...document.querySelectorAll("#deltas-0 tbody tr")].filter(r => r.checkVisibility())`
	if n, all := says[int](t, b, seen+".length"), says[int](t, b, `document.querySelectorAll("#deltas-0 tbody tr").length`); n != 12 || all < 500 {
		t.Errorf("%d of %d deltas are seen, want the 7 syncs that changed and the 5 units of the figure that is gone", n, all)
	}
	sort := `[...document.querySelectorAll("#deltas-0 th button")].find(b => b.textContent === "change").click()`
	b.do(t, chromedp.Evaluate[chromedp.Void](sort), chromedp.Evaluate[chromedp.Void](sort))
	if got := says[string](t, b, seen+`[0].innerText.replace(/\s+/g, " ")`); !strings.Contains(got, "Sync insns/op ipvs") || !strings.HasSuffix(got, "✗ worse") {
		t.Errorf("sorted by the change, falling: %q", got)
	}
	b.do(t, chromedp.Focus(chromedp.CSS(".filter select")), chromedp.KeyEvent("a")) // "all"
	if n := says[int](t, b, seen+".length"); n < 500 {
		t.Errorf("of all deltas %d are seen", n)
	}
	if got := says[[2]int](t, b, `[document.documentElement.scrollWidth, document.documentElement.clientWidth]`); got[0] > got[1] {
		t.Errorf("the page is %d wide on a screen of %d", got[0], got[1])
	}
	b.clean(t)
}

// On paper, which does not scroll, no column of a table is cut off.
func TestBrowserPrint(t *testing.T) {
	b := open(t, 720, read(t, references+"capacity"), read(t, references+"quick"))
	b.do(t, chromedp.Evaluate[chromedp.Void](`for (const r of document.styleSheets[0].cssRules) if (r.media?.mediaText === "print") r.media.mediaText = "all"`))
	const cut = `[...document.querySelectorAll("table")].filter(e => e.checkVisibility()).filter(e => e.getBoundingClientRect().right > document.getElementById("main").clientWidth - 15).length`
	if n := says[int](t, b, cut); n > 0 {
		t.Errorf("%d tables are wider than the paper", n)
	}
	b.clean(t)
}
