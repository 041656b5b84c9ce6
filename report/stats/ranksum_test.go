package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

func equal(a, b float64) bool { return math.Abs(a-b) <= 1e-9 }

// The figures are from counting by hand, and from published tables of U.
func TestRankSum(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b []float64
		want float64
	}{
		{"3 and 3 apart", []float64{1, 2, 3}, []float64{4, 5, 6}, 2.0 / 20},
		{"6 and 6 apart", []float64{1, 2, 3, 4, 5, 6}, []float64{7, 8, 9, 10, 11, 12}, 2.0 / 924},
		{"the same either way", []float64{7, 8, 9, 10, 11, 12}, []float64{1, 2, 3, 4, 5, 6}, 2.0 / 924},
		{"5 and 5 with U = 2", []float64{1, 2, 3, 4, 7}, []float64{5, 6, 8, 9, 10}, 2 * 4.0 / 252}, // P(U <= 2) = (1+1+2)/252
		{"in between", []float64{1, 4}, []float64{2, 3}, 1},
		{"all alike", []float64{5, 5, 5}, []float64{5, 5, 5}, 1},
		// Of the 6 ways to choose two of 1, 2, 2, 3 (ranks 1, 2.5, 2.5, 4) two have
		// sums of 3.5 or less, and two of 6.5 or more.
		{"with a tie", []float64{1, 2}, []float64{2, 3}, 4.0 / 6},
		{"nobody", nil, []float64{1}, 1},
	} {
		if got := RankSum(c.a, c.b); !equal(got, c.want) {
			t.Errorf("%s: p = %v, want %v", c.name, got, c.want)
		}
	}
}

// Where both can be had, the approximation is near the count.
func TestRankSumOfManyValues(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var a, b []float64
		for range mostExact / 2 {
			a = append(a, float64(random.IntN(50)))
			b = append(b, float64(random.IntN(50)+random.IntN(12)))
		}
		ranks, ties := doubledRanks(a, b)
		sum := 0
		for _, r := range ranks[:len(a)] {
			sum += r
		}
		mean := len(a) * (mostExact + 1)
		exact, near := share(ranks, len(a), mean, abs(sum-mean)), normalShare(len(a), len(b), ties, abs(sum-mean))
		if math.Abs(near-exact) > 0.005 {
			t.Errorf("p = %v by the normal distribution, %v counted", near, exact)
		}
	}
	many := make([]float64, mostExact)
	for i := range many {
		many[i] = float64(i)
	}
	if p := RankSum(many, many); p < 0.99 {
		t.Errorf("a sample and itself: p = %v", p)
	}
	if p := RankSum(many[:mostExact/2], append(many[mostExact/2:], 1e9)); p > 1e-10 {
		t.Errorf("samples that are apart: p = %v", p)
	}
}

// Samples of one distribution are called different no more often than is said.
func TestRankSumFalseAlarms(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const trials, alpha = 20_000, 0.05
	alarms := 0
	for range trials {
		var a, b []float64
		for range 6 {
			a, b = append(a, random.NormFloat64()), append(b, random.NormFloat64())
		}
		if RankSum(a, b) < alpha {
			alarms++
		}
	}
	// The exact level of the test is 0.0411; five standard deviations of the count.
	if got, most := float64(alarms)/trials, alpha+5*math.Sqrt(alpha*(1-alpha)/trials); got > most || got < 0.03 {
		t.Errorf("%v of the comparisons of a distribution with itself alarm", got)
	}
}

func TestHolm(t *testing.T) {
	got := Holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} { // Holm's own procedure, by hand
		if !equal(got[i], want) {
			t.Errorf("Holm: %v", got)
			break
		}
	}
	if got := Holm([]float64{0.9, 0.8}); got[0] != 1 || got[1] != 1 {
		t.Errorf("Holm: %v, want no more than 1", got)
	}
}
