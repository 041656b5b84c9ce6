package report

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// Document is the report as data, for who lays it out: the texts are those that
// the terminal has.
type Document struct {
	Verdict string
	Summary []Section // the short tables
	All     []Section // every table in full, and every fit
	Missing []string  // cells without a result, line by line
	Figures []Figure
	Looks   []Look // of the backends, in the tables' order
}

// Section is a table with a title, or lines.
type Section struct {
	Title  string
	Header []string
	Rows   [][]string
	Lines  []string
}

// Figure is a picture before it is drawn. Values are of Symbol's unit.
type Figure struct {
	Name     string   `json:"name"` // unique, of letters, digits, - . _
	Title    string   `json:"title"`
	Subtitle string   `json:"subtitle"`
	Foot     string   `json:"foot"`
	Axis     string   `json:"axis"`   // the title of y
	Noun     string   `json:"noun"`   // "instructions"; what a value is of where Symbol is empty
	Symbol   string   `json:"symbol"` // after a value's prefix: "s", "B", ""
	Prefix   string   `json:"prefix"` // the family of prefixes: "si", "seconds", "iec"
	Log      bool     `json:"log"`    // both axes are better read logarithmic
	Hidden   []string `json:"hidden"` // backends that are too small to be drawn with the others
	Panels   []Panel  `json:"panels"`
	Parts    []string `json:"parts"`   // what bars are stacked of
	Heading  string   `json:"heading"` // over the details of Legend
	Legend   []Entry  `json:"legend"`
	// Percentiles says that curves are Steps over percentiles, and Log holds for y alone.
	Percentiles bool `json:"percentiles"`
	// Timelines says that panels have one each, and Log holds for y alone.
	Timelines bool    `json:"timelines"`
	Table     Section `json:"-"` // what timelines say in figures; no rows otherwise
}

// Panel is curves over the number of Services, or bars, or a timeline.
type Panel struct {
	Title    string    `json:"title"`
	Curves   []Curve   `json:"curves"`
	Bars     []Bar     `json:"bars"`
	Timeline *Timeline `json:"timeline,omitempty"`
}

// Curve is one backend's values by size, or its operations' costs by percentile.
type Curve struct {
	Backend string      `json:"backend"`
	Points  []Point     `json:"points"`
	Fit     *[2]float64 `json:"fit"` // intercept and slope of the line that describes them
	// Steps are where a cost ends, in nines (99 % is 2), and the cost.
	Steps [][2]float64 `json:"steps,omitempty"`
}

// Point is one value; Lo and Hi are its interval when it has one.
type Point struct {
	X    float64  `json:"x"`
	Y    float64  `json:"y"`
	Lo   *float64 `json:"lo"`
	Hi   *float64 `json:"hi"`
	Text string   `json:"text"`
}

// Bar is one backend's value in parts that add up, none when there is no value.
type Bar struct {
	Backend string    `json:"backend"`
	Parts   []float64 `json:"parts"`
	Texts   []string  `json:"texts"`
	Sum     string    `json:"sum"`
}

// Entry is what a figure says of one backend.
type Entry struct {
	Backend string `json:"backend"`
	Detail  string `json:"detail"`
	Failed  string `json:"failed"`
}

// Look is how one backend is drawn on a light ground and on a dark one. Sides is a
// polygon's, 0 a circle's; Turn is in degrees.
type Look struct {
	Backend string  `json:"backend"`
	Light   string  `json:"light"`
	Dark    string  `json:"dark"`
	Sides   int     `json:"sides"`
	Turn    float64 `json:"turn"`
	Hollow  bool    `json:"hollow"`
	Dashed  bool    `json:"dashed,omitempty"`
}

// Document makes the report's document.
func (r *Report) Document() *Document {
	d := &Document{Verdict: r.Verdict()}
	short := &printed{Report: r, others: "under All figures"}
	d.Summary = sections(append(append(short.shortBlocks(), short.growth().apart()...), short.noteBlock()))
	full := &printed{Report: r, wide: true}
	d.All = sections(append(append(full.allBlocks(), full.growthWide()), full.noteBlock()))
	d.Missing = full.problemBlock().lines
	for _, f := range r.figures() {
		// The cumulated one says what percentiles say; those over time follow.
		if f.over != cumulated && f.over != overTime {
			d.Figures = append(d.Figures, f.data())
		}
	}
	d.Figures = append(d.Figures, r.timelineData(drawnOperations)...)
	looks := looksOf(r.backends())
	for _, b := range union(nil, r.backends()) {
		d.Looks = append(d.Looks, looks[b].data(b))
	}
	return d
}

// Environment is what the figures of a run depend on, in a few words.
func Environment(run *results.Run) string { return environment(run, false) }

// Machine says what the run's machine shows where nothing differs, and what disturbed
// it: nothing for the virtual clock and old runs.
func Machine(run *results.Run) []string { return machineLines(run) }

// Samples writes the run's samples as its directory has them.
func Samples(w io.Writer, run *results.Run) error { return results.Encode(w, run.Units, run.Results) }

func sections(blocks []block) []Section {
	var ss []Section
	for _, b := range blocks {
		if b = b.turned(); len(b.rows)+len(b.lines) > 0 {
			ss = append(ss, Section{b.title, b.header, b.rows, b.lines})
		}
	}
	return ss
}

// data is the figure for another painter.
func (f *figure) data() Figure {
	out := Figure{
		Name: f.name, Title: f.title, Subtitle: f.subtitle, Foot: f.foot(), Axis: f.yTitle,
		Noun: f.q.noun, Symbol: f.q.symbol, Prefix: f.q.scale.family(), Log: f.log,
		Percentiles: f.over == overPercentiles, Hidden: []string{}, Panels: []Panel{}, Parts: f.parts, Heading: f.heading, Legend: []Entry{},
	}
	for _, e := range f.legend {
		out.Legend = append(out.Legend, Entry{e.backend, e.detail, e.failed})
		if f.hidden[e.backend] {
			out.Hidden = append(out.Hidden, e.backend)
		}
	}
	text := func(v float64) string { return f.q.scale.format(v, 4) + f.q.symbol }
	for _, p := range f.panels {
		panel := Panel{Title: p.title, Curves: []Curve{}, Bars: []Bar{}}
		for _, c := range p.curves {
			curve := Curve{Backend: c.backend, Points: []Point{}}
			for i, pt := range c.points {
				if f.over == overSizes {
					curve.Points = append(curve.Points, pointData(pt, text))
				} else if i%2 == 1 { // a step's end; its begin is the one before
					curve.Steps = append(curve.Steps, [2]float64{rounded(pt.X, 4), rounded(pt.Y, 4)})
				}
			}
			if c.fit != nil && len(c.points) > 1 {
				curve.Fit = &[2]float64{c.fit.Intercept, c.fit.Slope}
			}
			panel.Curves = append(panel.Curves, curve)
		}
		for _, b := range p.bars {
			bar := Bar{Backend: b.backend, Parts: []float64{}, Texts: []string{}}
			sum := 0.0
			for _, v := range b.parts {
				bar.Parts, bar.Texts = append(bar.Parts, v), append(bar.Texts, text(v))
				sum += v
			}
			bar.Sum = text(sum)
			panel.Bars = append(panel.Bars, bar)
		}
		out.Panels = append(out.Panels, panel)
	}
	return out
}

func pointData(pt stats.Point, text func(float64) string) Point {
	p := Point{X: pt.X, Y: pt.Y, Text: text(pt.Y)}
	if lo, hi, ok := bounds(pt); ok && !math.IsNaN(lo) && !math.IsNaN(hi) {
		p.Lo, p.Hi = &lo, &hi
		p.Text += " [" + text(lo) + ", " + text(hi) + "]"
	}
	return p
}

// data is the look of a name for another painter.
func (l look) data(name string) Look {
	return Look{name, hex(l.color), hex(onDark(l.color)), l.marker.sides, l.marker.turn, l.marker.hollow, l.dashed}
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// onDark is a colour as it is seen on a dark ground: half way to white, so that all
// reach a contrast of 3 there and stay apart; black becomes white.
func onDark(c color.RGBA) color.RGBA {
	if c == black {
		return color.RGBA{0xff, 0xff, 0xff, 0xff}
	}
	return tint(c, 0.75)
}

// family names a scale's prefixes.
func (s scale) family() string {
	switch {
	case s.base == iec.base:
		return "iec"
	case len(s.small) > 0:
		return "seconds"
	}
	return "si"
}
