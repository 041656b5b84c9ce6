package stats

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

var dense = []float64{100, 250, 500, 1000, 1500, 2000, 2500, 3000, 4000, 5000}

// Each law is found by its own test, and foretells what it says of twice and four times
// the largest size.
func TestExtrapolate(t *testing.T) {
	for _, tt := range []struct {
		f     func(x float64) float64
		model string
	}{
		{func(float64) float64 { return 74e3 }, "O(1)"},
		{func(x float64) float64 { return 63e3 + 26*x }, "O(n)"},
		{func(x float64) float64 { return 1e6 + 4e4*x*math.Log(x) }, "O(n log n)"},
		{func(x float64) float64 { return 1e7 + 1e5*x + 20*x*x }, "O(n²)"},
		{func(x float64) float64 { return 1e7 + 450*x*x }, "O(n²)"},
		{func(x float64) float64 { return 1e7 + 1e5*x + 500*math.Pow(x, 1.5) }, "~n^1.5"},
		{func(x float64) float64 { return 1e7 + 100*math.Pow(x, 1.4) }, "~n^1.4"},
		{func(x float64) float64 { return 1e5 + 3000*math.Sqrt(x) }, "~n^0.5"},
	} {
		trend, err := Extrapolate(series(dense, tt.f))
		if err != nil {
			t.Errorf("%s: %v", tt.model, err)
			continue
		}
		if trend.Name() != tt.model {
			t.Errorf("it is %s, want %s", trend.Name(), tt.model)
		}
		for _, x := range []float64{5000, 10000, 20000} {
			if got, want := trend.At(x), tt.f(x); math.Abs(got/want-1) > 0.005 {
				t.Errorf("%s: %v at %v, want %v", tt.model, got, x, want)
			}
		}
	}
}

// With noise the interval holds what comes in about as many cases as it promises.
func TestExtrapolateCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	const cases = 400
	held := 0
	for range cases {
		law := func(x float64) float64 { return 1e7 + 1e5*x + 20*x*x }
		ps := series(dense, func(x float64) float64 { return law(x) * (1 + 0.03*random.NormFloat64()) })
		trend, err := Extrapolate(ps)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(law(10000)/trend.At(10000)-1) <= trend.Share(10000) {
			held++
		}
	}
	if share := float64(held) / cases; share < 0.9 {
		t.Errorf("the interval holds the truth in %.0f %% of the cases", 100*share)
	}
}

// An interval grows the further one looks.
func TestShareGrows(t *testing.T) {
	trend, err := Extrapolate(series(dense, func(x float64) float64 { return 1e6 + x*x*(1+0.02*math.Sin(x)) }))
	if err != nil {
		t.Fatal(err)
	}
	if a, b, c := trend.Share(6000), trend.Share(10000), trend.Share(40000); !(0 < a && a < b && b < c) {
		t.Errorf("shares %v, %v, %v", a, b, c)
	}
}

func TestExtrapolateTooLittle(t *testing.T) {
	for _, tt := range []struct {
		points []Point
		want   string
	}{
		{series(quick[:3], func(x float64) float64 { return x }), "need >= 4 sizes to foretell further ones, have 3"},
		{series(quick, func(float64) float64 { return 0 }), "costs of 0 have no trend"},
		{series([]float64{0, 10, 100, 1000}, func(x float64) float64 { return 1 + x }), "costs of 0 have no trend"},
	} {
		if _, err := Extrapolate(tt.points); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}
