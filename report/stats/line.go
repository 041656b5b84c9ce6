package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Point is a cost at a size.
type Point struct {
	X, Y   float64
	Lo, Hi float64 // Y's interval; equal to Y for exact values, infinite when unknown
}

// Line is y = Intercept + Slope x.
type Line struct {
	Intercept, Slope float64
	Lo, Hi           float64 // the slope's interval; infinite with fewer than 3 points
	R2               float64 // of what was minimised; NaN when all y are equal or there is no line
	Relative         bool    // fitted by FitRelative
}

// At is the line's y at x.
func (l Line) At(x float64) float64 { return l.Intercept + l.Slope*x }

// FitLine fits a line to points by ordinary least squares. Fewer than two
// distinct x have none: its figures are NaN.
//
// Note: the interval is Student's, from the residuals. For exact values these
// are no noise but the bend of the curve, so the interval says how far a
// straight line is from the truth, not how far the truth is from the
// measurement. Fitting by Theil and Sen was rejected: it gives a pair of small
// sizes, where fixed costs rule, as much say as a pair of large ones.
func FitLine(points []Point) Line {
	return fit(points, func(Point) float64 { return 1 })
}

// FitRelative fits a line by least squares of the errors in relation to the
// cost, which are least squares with weights 1/y². A point whose y is not
// positive has no such error; with one among them the fit is FitLine's.
//
// Note: it is for costs that span decades. There the largest alone decides an
// ordinary fit, which may miss the smallest by a multiple of it: a sync from
// 14 to 2,300 million instructions got a line that is negative at 10 Services.
// Where costs are alike the two fits are too, and the ordinary one is the one
// that everybody knows. It is not for curves: the small sizes, at which a
// parabola is flat, then decide the slope. Weights from the repetitions'
// spread were rejected: exact values have none.
func FitRelative(points []Point) Line {
	for _, p := range points {
		if !(p.Y > 0) {
			return FitLine(points)
		}
	}
	l := fit(points, func(p Point) float64 { return 1 / (p.Y * p.Y) })
	l.Relative = true
	return l
}

// fit minimises the weighted sum of squares. Variances are taken to be the
// weights' inverses up to a common factor, which the residuals estimate.
func fit(points []Point, weight func(Point) float64) Line {
	l := Line{Intercept: math.NaN(), Slope: math.NaN(), Lo: math.Inf(-1), Hi: math.Inf(1), R2: math.NaN()}
	var sum, mx, my float64
	for _, p := range points {
		sum += weight(p)
	}
	for _, p := range points {
		mx += p.X * (weight(p) / sum)
		my += p.Y * (weight(p) / sum)
	}
	// Sums of squares about the means: sums of raw squares lose all digits
	// when the values are large and close.
	var sxx, sxy, syy float64
	for _, p := range points {
		w, dx, dy := weight(p), p.X-mx, p.Y-my
		sxx += w * dx * dx
		sxy += w * dx * dy
		syy += w * dy * dy
	}
	if len(points) < 2 || sxx == 0 {
		return l
	}
	l.Slope = sxy / sxx
	l.Intercept = my - l.Slope*mx
	if math.Abs(l.Intercept) <= roundingError*math.Abs(my) {
		l.Intercept = 0 // a line through the origin
	}
	var rss float64
	for _, p := range points {
		r := p.Y - l.At(p.X)
		rss += weight(p) * r * r
	}
	if syy > 0 {
		l.R2 = 1 - rss/syy
	}
	if len(points) < 3 {
		return l
	}
	nu := float64(len(points) - 2)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: nu}.Quantile(1 - (1-Confidence)/2)
	half := t * math.Sqrt(rss/nu/sxx)
	l.Lo, l.Hi = l.Slope-half, l.Slope+half
	return l
}

// roundingError is what sums of a few float64s leave of a difference that is 0.
const roundingError = 1e-12
