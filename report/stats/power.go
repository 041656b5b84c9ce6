package stats

import "math"

// Exponent is b of the power law y = a x^b, fitted as a line through the
// logarithms; NaN when there is none. Points at which x or y is not positive
// have no logarithm and are left out. A fixed cost makes the exponent smaller
// than the growth's own; Classify is free of that.
func Exponent(points []Point) float64 {
	var logs []Point
	for _, p := range points {
		if p.X > 0 && p.Y > 0 {
			logs = append(logs, Point{X: math.Log(p.X), Y: math.Log(p.Y)})
		}
	}
	return FitLine(logs).Slope
}
