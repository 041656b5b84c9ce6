package stats

import (
	"math"
	"strings"
	"testing"
)

func series(xs []float64, f func(x float64) float64) []Point {
	var ps []Point
	for _, x := range xs {
		ps = append(ps, Point{X: x, Y: f(x), Lo: f(x), Hi: f(x)})
	}
	return ps
}

var quick = []float64{10, 100, 1000, 5000}

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		name  string
		xs    []float64
		f     func(x float64) float64
		class Class
	}{
		{"constant", quick, func(float64) float64 { return 47000 }, Constant},
		{"all zero", quick, func(float64) float64 { return 0 }, Constant},
		{"4 % in all", quick, func(x float64) float64 { return 50000 + 0.4*x }, Constant},
		{"hash of 256 buckets", quick, func(x float64) float64 { return 60000 + 10*x/256 }, Constant},
		{"linear with a large fixed cost", quick, func(x float64) float64 { return 222500 + 26*x }, Linear},
		{"linear from the origin", quick, func(x float64) float64 { return 80000 * x }, Linear},
		{"linear from none", []float64{0, 100, 1000}, func(x float64) float64 { return 5 + x }, Linear},
		{"three sizes, 11 % in all", quick[:3], func(x float64) float64 { return 222500 + 26*x }, Linear},
		{"n log n", quick, func(x float64) float64 { return 1e5 + x*math.Log(x) }, Linear},
		{"logarithm", quick, func(x float64) float64 { return 1000 * math.Log(x) }, Unknown},
		{"logarithm over near sizes", []float64{1000, 2000, 5000, 10000}, func(x float64) float64 { return 1000 * math.Log2(x/500) }, Sublinear},
		{"square root", quick, func(x float64) float64 { return 1000 + 100*math.Sqrt(x) }, Sublinear},
		{"square", quick, func(x float64) float64 { return x * x }, Superlinear},
		{"square behind a fixed cost", quick, func(x float64) float64 { return 1e7 + x*x }, Superlinear},
		{"square, three sizes", quick[:3], func(x float64) float64 { return 1e6 + x*x }, Superlinear},
		{"linear, then square", quick, func(x float64) float64 { return 1e6 + 1e4*x + 2*x*x }, Superlinear},
		{"falling", quick, func(x float64) float64 { return 1e6 - 100*x }, Unknown},
		{"hump", quick, func(x float64) float64 { return 100 + 1000*math.Exp(-math.Abs(x-100)/50) }, Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := Classify(series(tt.xs, tt.f))
			if g.Class != tt.class {
				t.Errorf("got %s (%s), want %s\n%+v", g.Class, g.Reason, tt.class, g)
			}
			if g.Class == Unknown && g.Reason == "" {
				t.Error("unclear without a reason")
			}
		})
	}
}

func TestClassifyExponent(t *testing.T) {
	for _, p := range []float64{0.25, 0.5, 1, 1.3, 2, 3} {
		g := Classify(series(quick, func(x float64) float64 { return 12345 + 7*math.Pow(x, p) }))
		near(t, "exponent", g.Exponent, p, 1e-6)
		if g.ExponentLo != g.Exponent || g.ExponentHi != g.Exponent {
			t.Errorf("exact points, but an interval: %v [%v, %v]", g.Exponent, g.ExponentLo, g.ExponentHi)
		}
	}
}

func TestClassifyTooFew(t *testing.T) {
	for n, want := range []string{"need >= 3 sizes, have 0", "need >= 3 sizes, have 1", "need >= 3 sizes, have 2"} {
		if g := Classify(series(quick[:n], func(x float64) float64 { return x })); g.Class != Unknown || g.Reason != want {
			t.Errorf("%d sizes: %s, %q", n, g.Class, g.Reason)
		}
	}
}

// Noise must not make a class: the same curve with wide intervals is no longer
// superlinear, and a jitter around a constant is no growth.
func TestClassifyUnderNoise(t *testing.T) {
	ps := series(quick, func(x float64) float64 { return 1000 + math.Pow(x, 1.2) })
	if g := Classify(ps); g.Class != Superlinear {
		t.Errorf("without noise: %s", g.Class)
	}
	for i := range ps {
		ps[i].Lo, ps[i].Hi = ps[i].Y*0.9, ps[i].Y*1.1
	}
	if g := Classify(ps); g.Class != Linear || g.Reason != "" {
		t.Errorf("within 10 %%: %s (%s) %+v", g.Class, g.Reason, g)
	}
	for i := range ps {
		ps[i].Lo, ps[i].Hi = math.Inf(-1), math.Inf(1)
	}
	if g := Classify(ps); g.Class != Linear || !strings.Contains(g.Reason, "too few") {
		t.Errorf("without intervals: %s (%s)", g.Class, g.Reason)
	}
	valley := []Point{{10, 36.8, 30, 40}, {50, 25.6, 20, 30}, {100, 37.1, 30, 40}}
	if g := Classify(valley); g.Class != Unknown {
		t.Errorf("a slope of 0 among points that differ by half: %s (%s)", g.Class, g.Reason)
	}
	jitter := []Point{{10, 100, 90, 110}, {100, 108, 99, 115}, {1000, 95, 90, 105}, {5000, 106, 97, 112}}
	if g := Classify(jitter); g.Class != Constant {
		t.Errorf("jitter: %s (%s)", g.Class, g.Reason)
	}
}

// The line that goes with a class: of relative errors for a linear growth over
// decades, else ordinary.
func TestClassifyLine(t *testing.T) {
	for _, tt := range []struct {
		name     string
		points   []Point
		class    Class
		relative bool
	}{
		{"linear over decades", series(quick, func(x float64) float64 { return 1e7 + 4.5e5*x }), Linear, true},
		{"linear within a decade", series(quick, func(x float64) float64 { return 63000 + 26*x }), Linear, false},
		{"linear from no cost", series([]float64{0, 10, 100}, func(x float64) float64 { return x }), Linear, false},
		{"square over decades", series(quick, func(x float64) float64 { return x * x }), Superlinear, false},
		{"constant", series(quick, func(float64) float64 { return 5 }), Constant, false},
	} {
		g := Classify(tt.points)
		if g.Class != tt.class || g.Line.Relative != tt.relative {
			t.Errorf("%s: %s, relative %v", tt.name, g.Class, g.Line.Relative)
		}
	}
	off := []Point{{10, 8, 8, 8}, {100, 63, 63, 63}, {1000, 501, 501, 501}} // about x^0.9
	if g := Classify(off); g.Class != Linear || g.Line.Lo > 0 || g.Reason != "the small sizes lie off the line" {
		t.Errorf("small sizes off the line: %+v", g)
	}
}

// The order of the points is no information.
func TestClassifySorts(t *testing.T) {
	ps := series(quick, func(x float64) float64 { return 5 + 3*x })
	ps[0], ps[3] = ps[3], ps[0]
	if g := Classify(ps); g.Class != Linear || ps[0].X != 5000 {
		t.Errorf("%s; the caller's points begin with %v", g.Class, ps[0].X)
	}
}
