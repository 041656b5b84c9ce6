package stats

import (
	"math"
	"strings"
	"testing"
)

// The orders are those of R: for n in 5:15, DescTools::MedianCI(1:n,
// method="exact") and the table of Conover, Practical Nonparametric Statistics
// (1999), 3.2; with B binomial(n, 1/2) the coverage is 1 - 2 P(B < k).
func TestMedianOrder(t *testing.T) {
	for n, k := range map[int]int{1: 0, 2: 0, 3: 0, 5: 0, 6: 1, 8: 1, 9: 2, 11: 2, 12: 3, 15: 4, 17: 5, 20: 6, 25: 8, 50: 18, 100: 40} {
		if got := medianOrder(n); got != k {
			t.Errorf("n = %d: k = %d, want %d", n, got, k)
		}
	}
}

func TestMedian(t *testing.T) {
	values := []float64{9, 1, 8, 2, 7, 3, 6, 4, 5, 10}
	got := Median(values)
	if want := (Summary{Center: 5.5, Lo: 2, Hi: 9, N: 10}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if values[0] != 9 {
		t.Error("the caller's slice was sorted")
	}
	if got := Median([]float64{3, 1, 2}).Center; got != 2 {
		t.Errorf("odd: got %v", got)
	}
	if got := Median([]float64{math.MaxFloat64, math.MaxFloat64}).Center; math.IsInf(got, 0) {
		t.Error("the middle of two large values overflows")
	}
}

func TestMedianOfFewSaysSo(t *testing.T) {
	got := Median([]float64{1, 2, 3, 4, 5})
	if !math.IsInf(got.Lo, -1) || !math.IsInf(got.Hi, 1) || got.Warning != "need >= 6 samples for a 95 % interval, have 5" {
		t.Errorf("got %+v", got)
	}
	if got := Median([]float64{1, 2, 3, 4, 5, 6}); got.Warning != "" || got.Lo != 1 || got.Hi != 6 {
		t.Errorf("6 are enough: got %+v", got)
	}
}

func TestExact(t *testing.T) {
	if got, want := Exact([]float64{7, 7}), (Summary{Center: 7, Lo: 7, Hi: 7, N: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got := Exact([]float64{100, 101, 100})
	if got.Center != 100 || got.Lo != 100 || got.Hi != 101 || !strings.Contains(got.Warning, "3 repetitions range over 1 %") {
		t.Errorf("got %+v", got)
	}
	if got := Exact([]float64{0, 0, 1}).Warning; !strings.Contains(got, "3 repetitions range from 0 to 1") {
		t.Errorf("around 0: got %q", got)
	}
}

// The coverages are the binomial distribution's, summed here without the library: 1 - 2/64
// at n = 6, 1 - 2 (1 + 9)/512 at 9. One order further in, none is left with 95 percent.
func TestMedianCoverage(t *testing.T) {
	for n, want := range map[int]float64{6: 0.969, 7: 0.984, 8: 0.992, 9: 0.961, 10: 0.979, 20: 0.959} {
		tail := func(k int) float64 { // 1 - 2 P(B < k), summed by hand
			sum, choose := 0.0, 1.0
			for i := range k {
				sum += choose
				choose = choose * float64(n-i) / float64(i+1)
			}
			return 1 - 2*sum/math.Pow(2, float64(n))
		}
		k := medianOrder(n)
		if got := tail(k); math.Abs(got-want) > 0.0005 {
			t.Errorf("n = %d: covers %.4f, want %.3f", n, got, want)
		}
		if tail(k+1) >= Confidence {
			t.Errorf("n = %d: a narrower interval would do", n)
		}
	}
}
