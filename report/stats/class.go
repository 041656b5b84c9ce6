package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Class says how a cost grows with the size.
type Class string

// The classes.
const (
	Unknown     Class = "unclear" // Growth.Reason says why
	Constant    Class = "O(1)"
	Sublinear   Class = "sublinear"
	Linear      Class = "O(n)"
	Superlinear Class = "superlinear"
)

// The rule's constants. They are part of what a verdict means.
const (
	// flatShare: growth below it, over all sizes together and in relation to
	// the cost at the smallest, is no growth that a user would feel.
	flatShare = 0.05
	// noiseRatio: a slope near 0 is called flat only while no size costs more
	// than this times another; beyond, noise may hide any growth.
	noiseRatio = 1.25
	// bend: exponents within 1 ± bend are called linear. n log n between 1,000
	// and 10,000 Services has 1.13 and counts as linear, as users mean it.
	bend = 0.15
	// decade: from this ratio of the dearest size to the cheapest on, the line
	// of a linear growth is fitted to relative errors.
	decade = 10
)

// Growth is the verdict on one series.
type Growth struct {
	Class  Class
	Reason string // for Unknown: why. Else: what the class rests on, or "" when nothing need be said
	Line   Line   // Relative only for Linear

	// Share is the slope's contribution from the smallest to the largest size,
	// in relation to the cost at the smallest.
	Share float64

	// Exponent is p of y = a + b x^p through the three largest sizes, and
	// [ExponentLo, ExponentHi] what the points' intervals allow; NaN with
	// fewer sizes.
	Exponent, ExponentLo, ExponentHi float64
}

// Classify decides the class of a series of at least 3 sizes, each one once:
//
//   - O(1) when no size costs more than 1.25 times another, and either the
//     fitted slope's whole contribution over the measured range is at most 5 %
//     of the cost at the smallest size, or the slope's interval includes 0.
//   - Otherwise the three largest sizes decide. Through them goes exactly one
//     curve y = a + b x^p. It is superlinear when p > 1.15, sublinear when
//     p < 0.85, and each only when the points' own intervals leave no other
//     answer; else O(n), if the slope's interval excludes 0.
//   - Unclear in all other cases, with the reason.
//
// These rest on the ordinary line. When the class is O(n) and the costs span a
// decade or more, Growth.Line is FitRelative's, which is near the small sizes
// too. Other classes keep the ordinary line: it is no description of a curve,
// but its slope is about that of the largest sizes.
//
// Note on what was rejected. "O(1) when the slope's interval includes 0" alone:
// with 3 sizes Student's t is 12.7, so a clear rise passes for flat. Exponents
// of y itself (a line through the logarithms): a fixed cost pulls them towards
// 0, so that a linear rise of a first packet, most of which is fixed, looks
// like x^0.2. Comparing fits by AIC: no such criterion means anything with 4
// points that carry no noise. All sizes instead of the largest three: what
// grows quadratically shows it at the largest sizes first.
func Classify(points []Point) Growth {
	ps := slices.SortedFunc(slices.Values(points), func(a, b Point) int { return cmp.Compare(a.X, b.X) })
	g := Growth{Class: Unknown, Line: FitLine(ps), Share: math.NaN(), Exponent: math.NaN(), ExponentLo: math.NaN(), ExponentHi: math.NaN()}
	if n := sizes(ps); n < 3 {
		g.Reason = fmt.Sprintf("need >= 3 sizes, have %d", n)
		return g
	}
	first, last := ps[0], ps[len(ps)-1]
	rise := g.Line.Slope * (last.X - first.X)
	if rise != 0 {
		g.Share = rise / math.Abs(first.Y)
	} else {
		g.Share = 0
	}
	g.exponent(ps[len(ps)-3:])
	g.decide(ps)
	if g.Class == Linear && spread(ps) >= decade {
		g.Line = FitRelative(ps)
		if g.Reason == "" && g.Line.Lo <= 0 {
			g.Reason = "the small sizes lie off the line"
		}
	}
	return g
}

// decide sets the class and its reason from the line and the exponents.
func (g *Growth) decide(ps []Point) {
	trend := g.Line.Lo > 0 || g.Line.Hi < 0
	switch {
	case math.Abs(g.Share) <= flatShare && spread(ps) <= noiseRatio:
		g.Class = Constant
	case !trend && spread(ps) <= noiseRatio:
		g.Class = Constant
		g.Reason = "the slope's interval includes 0"
	case g.Share < 0:
		g.Reason = "the cost falls as the size grows"
	case g.ExponentLo > 1+bend && !math.IsInf(g.Exponent, 1): // one step at the end is no curve
		g.Class = Superlinear
	case !trend:
		g.Reason = "the points are too far from a line: the slope's interval includes 0"
	case g.ExponentHi < 1-bend:
		g.Class = Sublinear
	default:
		g.Class = Linear
		if math.IsInf(g.ExponentLo, -1) || math.IsInf(g.ExponentHi, 1) {
			g.Reason = "the repetitions are too few or too noisy to exclude another curve"
		}
	}
}

func sizes(ps []Point) int {
	xs := map[float64]bool{}
	for _, p := range ps {
		xs[p.X] = true
	}
	return len(xs)
}

// spread is how many times the cheapest size the dearest one costs.
func spread(ps []Point) float64 {
	lo, hi := ps[0].Y, ps[0].Y
	for _, p := range ps {
		lo, hi = min(lo, p.Y), max(hi, p.Y)
	}
	switch {
	case lo == hi:
		return 1
	case lo <= 0:
		return math.Inf(1)
	}
	return hi / lo
}

// exponent sets the exponents from the three points. The interval's ends are
// the exponents at the corners of the points' intervals: a bound that holds
// whatever the distribution is.
func (g *Growth) exponent(p []Point) {
	x := [3]float64{p[0].X, p[1].X, p[2].X}
	g.Exponent = bendOf(x, p[1].Y-p[0].Y, p[2].Y-p[1].Y)
	g.ExponentLo = bendOf(x, p[1].Hi-p[0].Lo, p[2].Lo-p[1].Hi)
	g.ExponentHi = bendOf(x, p[1].Lo-p[0].Hi, p[2].Hi-p[1].Lo)
}

// bendOf is the p with which a + b x^p rises by d1 from x[0] to x[1] and by d2
// from x[1] to x[2]; infinite when no finite one does.
func bendOf(x [3]float64, d1, d2 float64) float64 {
	switch {
	case math.IsNaN(d1) || math.IsNaN(d2):
		return math.NaN()
	case d2 <= 0 || math.IsInf(d1, 1):
		return math.Inf(-1)
	case d1 <= 0 || math.IsInf(d2, 1):
		return math.Inf(1)
	}
	// With u = ln x relative to the middle one, the ratio of the rises is
	// (e^pu2 - 1) / (1 - e^pu0), which grows with p.
	u0, u2 := math.Log(x[0]/x[1]), math.Log(x[2]/x[1])
	lo, hi := -64.0, 64.0
	if x[0] == 0 {
		lo = 0 // x^p has no value at 0 otherwise
	}
	for range 80 {
		p := (lo + hi) / 2
		if p == 0 {
			p = 1e-12 // the logarithm, x^p's limit
		}
		if math.Expm1(p*u2)/-math.Expm1(p*u0) < d2/d1 {
			lo = p
		} else {
			hi = p
		}
	}
	return (lo + hi) / 2
}
