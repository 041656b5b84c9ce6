package stats

import (
	"math"
	"testing"
)

// norris is NIST's Statistical Reference Dataset Norris (linear, lower level of
// difficulty, 36 observations), https://www.itl.nist.gov/div898/strd/lls/data/Norris.shtml
var norris = []float64{ // y, x
	0.1, 0.2, 338.8, 337.4, 118.1, 118.2, 888.0, 884.6, 9.2, 10.1, 228.1, 226.5,
	668.5, 666.3, 998.5, 996.3, 449.1, 448.6, 778.9, 777.0, 559.2, 558.2, 0.3, 0.4,
	0.1, 0.6, 778.1, 775.5, 668.8, 666.9, 339.3, 338.0, 448.9, 447.5, 10.8, 11.6,
	557.7, 556.0, 228.3, 228.1, 998.0, 995.8, 888.8, 887.6, 119.6, 120.2, 0.3, 0.3,
	0.6, 0.3, 557.6, 556.8, 339.3, 339.1, 888.0, 887.2, 998.5, 999.0, 778.9, 779.0,
	10.2, 11.1, 117.6, 118.3, 228.9, 229.2, 668.4, 669.1, 449.2, 448.9, 0.2, 0.5,
}

func norrisPoints() []Point {
	var ps []Point
	for i := 0; i < len(norris); i += 2 {
		ps = append(ps, Point{X: norris[i+1], Y: norris[i]})
	}
	return ps
}

func TestFitLineNorris(t *testing.T) {
	l := FitLine(norrisPoints())
	// NIST's certified values, to their 15 digits.
	near(t, "intercept", l.Intercept, -0.262323073774029, 1e-12)
	near(t, "slope", l.Slope, 1.00211681802045, 1e-14)
	near(t, "R²", l.R2, 0.999993745883712, 1e-14)
	// The certified standard deviation of the slope, times R's
	// qt(0.975, 34) = 2.032244509.
	half := 0.429796848199937e-03 * 2.032244509
	near(t, "lower end", l.Lo, 1.00211681802045-half, 1e-10)
	near(t, "upper end", l.Hi, 1.00211681802045+half, 1e-10)
}

// The same data with weights 1/y². The figures are from exact rational
// arithmetic (Python's fractions) over the normal equations of the equivalent
// problem without weights: 1 = intercept · 1/y + slope · x/y.
func TestFitRelativeNorris(t *testing.T) {
	l := FitRelative(norrisPoints())
	near(t, "intercept", l.Intercept, -0.17990332254117, 1e-12)
	near(t, "slope", l.Slope, 0.775170140279724, 1e-12)
	near(t, "R²", l.R2, 0.736174217443922, 1e-12)
	half := 0.079584023632247 * 2.032244509
	near(t, "lower end", l.Lo, 0.775170140279724-half, 1e-9)
	near(t, "upper end", l.Hi, 0.775170140279724+half, 1e-9)
	if !l.Relative {
		t.Error("it does not say that it is relative")
	}
}

// Costs that span decades: by the same arithmetic; qt(0.975, 2) = 4.302652730.
func TestFitRelativeOverDecades(t *testing.T) {
	ps := []Point{{X: 10, Y: 13.52e6}, {X: 100, Y: 60.14e6}, {X: 1000, Y: 423e6}, {X: 5000, Y: 2272e6}}
	l := FitRelative(ps)
	near(t, "intercept", l.Intercept, 9332801.55110356, 1e-5)
	near(t, "slope", l.Slope, 446555.616956985, 1e-6)
	near(t, "lower end", l.Lo, 446555.616956985-26294.6799554988*4.302652730, 1e-3)
	for _, p := range ps {
		if off := math.Abs(l.At(p.X)-p.Y) / p.Y; off > 0.11 {
			t.Errorf("at %v the line is off by %.0f %%", p.X, 100*off)
		}
	}
	if FitLine(ps).At(10) > 5e6 {
		t.Error("the ordinary line is near 10, too: this proves nothing")
	}
	ps[0].Y = 0
	if got, want := FitRelative(ps), FitLine(ps); got != want {
		t.Errorf("with a cost of 0: got %+v, want %+v", got, want)
	}
	if l := FitRelative(ps[1:2]); !math.IsNaN(l.Slope) {
		t.Errorf("one point: %+v", l)
	}
}

func TestFitThroughOriginHasNoDust(t *testing.T) {
	for _, slope := range []float64{3, 0.1, 7e9} {
		ps := series(quick, func(x float64) float64 { return slope * x })
		if a, b := FitLine(ps).Intercept, FitRelative(ps).Intercept; a != 0 || b != 0 {
			t.Errorf("slope %v: intercepts %v and %v", slope, a, b)
		}
	}
}

// Anscombe's first quartet, as R's confint(lm(y1 ~ x1, anscombe)) has it.
func TestFitLineAnscombe(t *testing.T) {
	x := []float64{10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5}
	y := []float64{8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68}
	var ps []Point
	for i := range x {
		ps = append(ps, Point{X: x[i], Y: y[i]})
	}
	l := FitLine(ps)
	near(t, "intercept", l.Intercept, 3.0000909, 1e-7)
	near(t, "slope", l.Slope, 0.5000909, 1e-7)
	near(t, "lower end", l.Lo, 0.2333701, 1e-6)
	near(t, "upper end", l.Hi, 0.7668117, 1e-6)
	near(t, "R²", l.R2, 0.6665425, 1e-7)
}

func TestFitLineWithFewPointsSaysSo(t *testing.T) {
	two := FitLine([]Point{{X: 1, Y: 2}, {X: 3, Y: 6}})
	if two.Slope != 2 || !math.IsInf(two.Lo, -1) || !math.IsInf(two.Hi, 1) {
		t.Errorf("two points: %+v", two)
	}
	for _, ps := range [][]Point{nil, {{X: 1, Y: 2}}, {{X: 1, Y: 2}, {X: 1, Y: 3}}} {
		if l := FitLine(ps); !math.IsNaN(l.Slope) {
			t.Errorf("%v: %+v", ps, l)
		}
	}
}

func TestExponent(t *testing.T) {
	var ps []Point
	for _, x := range []float64{10, 100, 1000, 5000} {
		ps = append(ps, Point{X: x, Y: 3 * math.Pow(x, 1.5)})
	}
	near(t, "exponent", Exponent(ps), 1.5, 1e-9)
	near(t, "exponent without the 0", Exponent(append(ps, Point{X: 0, Y: 1})), 1.5, 1e-9)
	if e := Exponent(ps[:1]); !math.IsNaN(e) {
		t.Errorf("one point has the exponent %v", e)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %.15g, want %.15g", what, got, want)
	}
}
