package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// For 6 and 6 values the published two-sided 5 % limit of U is 5, for 8 and 8 it is 13,
// for 10 and 10 it is 23, for 4 and 4 it is 0 (Mann and Whitney's tables): the interval
// begins at the ratio after as many.
func TestRatioOrder(t *testing.T) {
	for _, c := range []struct{ n, m, limit int }{{4, 4, 0}, {5, 5, 2}, {6, 6, 5}, {8, 8, 13}, {10, 10, 23}, {5, 8, 6}} {
		if got := ratioOrder(c.n, c.m); got != c.limit+1 {
			t.Errorf("%d and %d: order %d, want %d", c.n, c.m, got, c.limit+1)
		}
	}
	if got := ratioOrder(3, 3); got != 0 {
		t.Errorf("3 and 3: order %d, want none", got)
	}
	if exact, near := ratioOrder(30, 30), ratioOrder(31, 30); near < exact || near > exact+25 {
		t.Errorf("by the count %d, by the normal distribution for one more %d", exact, near)
	}
}

// The interval holds the true ratio as often as it says.
func TestRatioCoverage(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	const trials, truth = 4000, 0.1
	held := 0
	for range trials {
		var a, b []float64
		for range 8 {
			a = append(a, math.Exp(random.NormFloat64()*0.2))
			b = append(b, (1+truth)*math.Exp(random.NormFloat64()*0.2))
		}
		if s := Ratio(a, b); s.Lo <= truth && truth <= s.Hi {
			held++
		}
	}
	if got := float64(held) / trials; got < Confidence-0.005 || got > 0.985 {
		t.Errorf("the interval holds the truth %v of the time", got)
	}
}

func TestRatio(t *testing.T) {
	if s := Ratio([]float64{2, 2, 2, 2}, []float64{3, 3, 3, 3}); s.Center != 0.5 || s.Lo != 0.5 || s.Hi != 0.5 || s.Warning != "" {
		t.Errorf("%+v", s)
	}
	for _, c := range [][2][]float64{{{1, 2, 3}, {1, 2, 3}}, {{0, 1, 1, 1}, {1, 1, 1, 1}}, {nil, {1}}} {
		if s := Ratio(c[0], c[1]); s.Warning == "" || !math.IsInf(s.Hi, 1) {
			t.Errorf("%v: %+v, want a warning", c, s)
		}
	}
}

func TestLeastP(t *testing.T) {
	for _, c := range []struct {
		n    int
		want float64
	}{{1, 1}, {3, 0.1}, {6, 2.0 / 924}, {8, 2.0 / 12870}} {
		if got := LeastP(c.n, c.n); !equal(got, c.want) {
			t.Errorf("%d and %d: %v, want %v", c.n, c.n, got, c.want)
		}
	}
}
