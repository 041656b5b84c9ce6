package claims

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// Runs are runs by their scenario's name.
type Runs map[string]*results.Run

// evidence answers a judge's questions and keeps what it was asked for: the figures that
// a verdict rests on. The first question that has no answer is why there is no verdict.
type evidence struct {
	runs    Runs
	figures []string
	missing string
	reached float64 // the largest size of a figure that was asked for
}

// where is a figure but for the number of Services.
type where struct {
	scenario, measurement, backend string
	labels                         []results.Label
	unit                           string // "" for the measurement's first
}

func (w where) String() string {
	s := w.measurement + " of " + w.backend
	for _, l := range w.labels {
		s += ", " + l.Key + " " + l.Value
	}
	return s
}

func (e *evidence) lacks(format string, args ...any) {
	if e.missing == "" {
		e.missing = fmt.Sprintf(format, args...)
	}
}

func (e *evidence) notes(format string, args ...any) {
	if figure := fmt.Sprintf(format, args...); !slices.Contains(e.figures, figure) {
		e.figures = append(e.figures, figure)
	}
}

// points is the figure by size, each the median over repetitions.
func (e *evidence) points(w where) []stats.Point {
	run := e.runs[w.scenario]
	if run == nil {
		e.lacks("the scenario %s was not run", w.scenario)
		return nil
	}
	values := map[float64][]float64{}
	var sizes []float64
	for i := range run.Results {
		r := &run.Results[i]
		if r.Measurement != w.measurement || r.Label("backend") != w.backend || slices.ContainsFunc(w.labels, func(l results.Label) bool { return r.Label(l.Key) != l.Value }) {
			continue
		}
		x, err := strconv.ParseFloat(r.Label("services"), 64)
		if err != nil {
			continue
		}
		for k, s := range r.Samples {
			if w.unit == s.Unit || w.unit == "" && k == 0 {
				if values[x] == nil {
					sizes = append(sizes, x)
				}
				values[x] = append(values[x], s.Value)
			}
		}
	}
	slices.Sort(sizes)
	var ps []stats.Point
	for _, x := range sizes {
		s := stats.Median(values[x])
		if len(values[x]) == 1 {
			s = stats.Exact(values[x])
		}
		ps = append(ps, stats.Point{X: x, Y: s.Center, Lo: s.Lo, Hi: s.Hi})
	}
	if len(ps) == 0 {
		e.lacks("%s", e.why(run, w))
	}
	return ps
}

// why says why a run has no such figure.
func (e *evidence) why(run *results.Run, w where) string {
	for _, c := range run.Meta.Cells {
		if !slices.Contains(c.Labels, results.Label{Key: "backend", Value: w.backend}) {
			continue
		}
		for _, na := range c.NA {
			if strings.EqualFold(na.Measurement, w.measurement) {
				return w.String() + " is n/a: " + strings.TrimPrefix(firstLine(na.Reason), "not applicable: ")
			}
		}
		if c.Status != results.OK {
			return fmt.Sprintf("%s %s: %s", w.backend, c.Status, firstLine(c.Reason))
		}
	}
	return "there is no " + w.String()
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// at is the figure at a size; 0 stands for the largest that it has.
func (e *evidence) at(w where, size float64) (value, n float64) {
	ps := e.points(w)
	for _, p := range ps {
		if p.X == size {
			return p.Y, p.X
		}
	}
	if len(ps) == 0 {
		return math.NaN(), size
	}
	if size != 0 {
		e.lacks("%s was not measured at %s Services", w, number(size))
		return math.NaN(), size
	}
	last := ps[len(ps)-1]
	return last.Y, last.X
}

// shape is how a figure grows over the sizes that were measured.
type shape struct {
	stats.Growth
	times float64 // the largest size's by the smallest's
	from  float64 // the smallest size
	to    float64
}

// over says by how much it grows, whatever its class: what is linear beside a large
// fixed part may hardly be seen to grow.
func (s shape) over() string {
	return fmt.Sprintf("%s at %s Services of what it costs at %s", times(s.times), number(s.to), number(s.from))
}

// nearly is what a claim's "constant" allows: growth over the whole range that nobody
// would notice.
const nearly = 1.25

// flat tells whether the figure is as good as constant, linear whether its growth is
// about that of a line, and grows whether it grows at all.
func (s shape) flat() bool { return s.Class == stats.Constant || s.times <= nearly }
func (s shape) linear() bool {
	return s.Class == stats.Linear || !s.flat() && math.Abs(s.Exponent-1) <= 0.3
}
func (s shape) grows() bool { return !s.flat() && s.times > nearly }

func (s shape) String() string {
	switch {
	case s.Class == stats.Constant || s.Class == stats.Linear:
		return string(s.Class)
	case s.flat():
		return "nearly constant (" + times(s.times) + ")"
	case s.linear():
		return fmt.Sprintf("about linear (n^%.2f)", s.Exponent)
	case s.Class == stats.Superlinear && !math.IsInf(s.Exponent, 0):
		return fmt.Sprintf("superlinear (n^%.2f)", s.Exponent)
	}
	return "growing (" + times(s.times) + ")"
}

// growth is how the figure grows, and keeps it.
func (e *evidence) growth(w where) shape {
	ps := e.points(w)
	if len(ps) == 0 {
		return shape{}
	}
	first, last := ps[0], ps[len(ps)-1]
	g := shape{stats.Classify(ps), last.Y / first.Y, first.X, last.X}
	if len(ps) < 3 {
		e.lacks("the growth of %s takes three sizes, and %d were measured", w, len(ps))
	}
	e.notes("%s: %s, %s at %s and %s at %s Services", w, g, e.show(w, first.Y), number(first.X), e.show(w, last.Y), number(last.X))
	e.reached = max(e.reached, last.X)
	return g
}

// ratio is one figure by another at a size, 0 for the largest that both have.
func (e *evidence) ratio(of, by where, size float64) (ratio, n float64) {
	if size == 0 {
		a, b := e.points(of), e.points(by)
		for _, p := range a {
			if slices.ContainsFunc(b, func(q stats.Point) bool { return q.X == p.X }) {
				size = p.X
			}
		}
		if size == 0 {
			e.lacks("%s and %s have no size in common", of, by)
			return math.NaN(), 0
		}
	}
	a, _ := e.at(of, size)
	b, _ := e.at(by, size)
	if e.missing == "" {
		other := "that of " + by.backend
		if of.measurement != by.measurement {
			other = by.String()
		}
		e.notes("%s by %s at %s Services: %s / %s = %s", of, other, number(size), e.show(of, a), e.show(by, b), times(a/b))
		e.reached = max(e.reached, size)
	}
	return a / b, size
}

// show prints a value in its unit, as reports do.
func (e *evidence) show(w where, v float64) string {
	for _, r := range e.runs[w.scenario].Results {
		if r.Measurement == w.measurement {
			name := w.unit
			if name == "" {
				name = r.Samples[0].Unit
			}
			text := report.Format(results.Unit{Name: name}, v)
			if strings.Contains(name, "insns") {
				text += " instructions"
			}
			return text
		}
	}
	return number(v)
}

// exact tells whether a scenario's figures are instructions and not time.
func (e *evidence) virtual(scenario string) bool {
	run := e.runs[scenario]
	return run != nil && run.Meta.Fingerprint.Clock == "virtual"
}

func times(ratio float64) string { return strconv.FormatFloat(ratio, 'g', 3, 64) + " x" }

func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
