package stats

import "math"

// Power is y = Coefficient x^Exponent, fitted as a line through the logarithms.
type Power struct {
	Coefficient, Exponent float64
	Lo, Hi                float64 // the exponent's interval
	R2                    float64 // of the logarithms
	Warning               string
}

// At is the law's y at x.
func (p Power) At(x float64) float64 { return p.Coefficient * math.Pow(x, p.Exponent) }

// FitPower fits a power law. Points at which x or y is not positive have no
// logarithm and are left out, and the warning says so. A fixed cost makes the
// exponent smaller than the growth's own; Classify is free of that.
func FitPower(points []Point) Power {
	var logs []Point
	for _, p := range points {
		if p.X > 0 && p.Y > 0 {
			logs = append(logs, Point{X: math.Log(p.X), Y: math.Log(p.Y)})
		}
	}
	l := FitLine(logs)
	w := l.Warning
	if w == "" && len(logs) < len(points) {
		w = "a size or value of 0 has no logarithm and is left out"
	}
	return Power{math.Exp(l.Intercept), l.Slope, l.Lo, l.Hi, l.R2, w}
}
