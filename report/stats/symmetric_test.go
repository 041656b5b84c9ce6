package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// signedRankTable has the largest sum of ranks that is significant at 5 %, two-sided, for
// n = 6 to 25 (F. Wilcoxon, S. Katti, R. Wilcox, Critical values and probability levels for
// the Wilcoxon rank sum test and the Wilcoxon signed rank test, 1963).
var signedRankTable = []int{0, 2, 3, 5, 8, 10, 13, 17, 21, 25, 29, 34, 40, 46, 52, 58, 65, 73, 81, 89}

// An interval leaves out as many means at each end as sums are significant.
func TestSignedRankAsPublished(t *testing.T) {
	for i, largest := range signedRankTable {
		if n := 6 + i; signedRankOrder(n) != largest+1 {
			t.Errorf("%d values: the largest significant sum is %d, want %d", n, signedRankOrder(n)-1, largest)
		}
	}
	for n := range 6 {
		if signedRankOrder(n) != 0 {
			t.Errorf("%d values have an interval", n)
		}
	}
}

func TestSymmetric(t *testing.T) {
	// Of the 21 means of two the 11th is (2 + 9)/2; of six values the interval holds all.
	s := Symmetric([]float64{9, 1, 2, 20, 7, 4})
	if s.Center != 5.5 || s.Lo != 1 || s.Hi != 20 || s.N != 6 || s.Warning != "" {
		t.Errorf("%+v", s)
	}
	few := Symmetric([]float64{3, 1, 2, 3, 1})
	if few.Center != 2 || !math.IsInf(few.Lo, -1) || !math.IsInf(few.Hi, 1) || few.Warning != "need >= 6 samples for a 95 % interval, have 5" {
		t.Errorf("%+v", few)
	}
}

// The intervals hold the centre as often as they say, and are narrower than the median's.
func TestSymmetricCoverage(t *testing.T) {
	const trials = 5_000
	random := rand.New(rand.NewPCG(12, 1))
	for name, draw := range map[string]func() float64{
		"normal":       random.NormFloat64,
		"two-sided":    func() float64 { return random.ExpFloat64() - random.ExpFloat64() },
		"heavy-tailed": func() float64 { return math.Tan(math.Pi * (random.Float64() - 0.5)) },
	} {
		for _, n := range []int{6, 9, 12, 30} {
			held, narrower := 0, 0
			values := make([]float64, n)
			for range trials {
				for i := range values {
					values[i] = 5 + draw()
				}
				s, m := Symmetric(values), Median(values)
				if s.Lo <= 5 && 5 <= s.Hi {
					held++
				}
				if s.Hi-s.Lo <= m.Hi-m.Lo {
					narrower++
				}
			}
			if share := float64(held) / trials; share < Confidence-5*math.Sqrt(Confidence*(1-Confidence)/trials) {
				t.Errorf("%d values, %s: %.1f %% of the intervals hold the centre", n, name, 100*share)
			}
			if name == "normal" && narrower < trials/2 {
				t.Errorf("%d values: %d of %d intervals are no wider than the median's", n, narrower, trials)
			}
		}
	}
}
