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

// Line is y = Intercept + Slope x, fitted by ordinary least squares.
type Line struct {
	Intercept, Slope float64
	Lo, Hi           float64 // the slope's interval; infinite with fewer than 3 points
	R2               float64 // NaN when all y are equal or there is no line
	N                int     // points
	Warning          string  // why the interval is infinite or there is no line; "" when all is well
}

// At is the line's y at x.
func (l Line) At(x float64) float64 { return l.Intercept + l.Slope*x }

// FitLine fits a line to points. Fewer than two distinct x have none: its
// figures are NaN and Warning says why.
//
// Note: the interval is Student's, from the residuals. For exact values these
// are no noise but the bend of the curve, so the interval says how far a
// straight line is from the truth, not how far the truth is from the
// measurement. Weighting by 1/y or fitting by Theil and Sen was rejected: both
// let the smallest sizes, where fixed costs rule, decide the slope that users
// extrapolate to large ones.
func FitLine(points []Point) Line {
	n := float64(len(points))
	l := Line{Intercept: math.NaN(), Slope: math.NaN(), Lo: math.Inf(-1), Hi: math.Inf(1), R2: math.NaN(), N: len(points)}
	var mx, my float64
	for _, p := range points {
		mx += p.X / n
		my += p.Y / n
	}
	// Sums of squares about the means: sums of raw squares lose all digits
	// when the values are large and close.
	var sxx, sxy, syy float64
	for _, p := range points {
		dx, dy := p.X-mx, p.Y-my
		sxx += dx * dx
		sxy += dx * dy
		syy += dy * dy
	}
	if len(points) < 2 || sxx == 0 {
		l.Warning = "need >= 2 sizes for a slope"
		return l
	}
	l.Slope = sxy / sxx
	l.Intercept = my - l.Slope*mx
	var rss float64
	for _, p := range points {
		r := p.Y - l.At(p.X)
		rss += r * r
	}
	if syy > 0 {
		l.R2 = 1 - rss/syy
	}
	if len(points) < 3 {
		l.Warning = "need >= 3 sizes for the slope's interval"
		return l
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 2}.Quantile(1 - (1-Confidence)/2)
	half := t * math.Sqrt(rss/(n-2)/sxx)
	l.Lo, l.Hi = l.Slope-half, l.Slope+half
	return l
}
