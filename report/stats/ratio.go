package stats

import (
	"fmt"
	"math"
	"slices"
)

// Ratio summarises by how much the values of b are larger than those of a, as a share:
// 0.05 is five percent. The centre is that of Hodges and Lehmann, the median of all
// ratios of one value of each, and the interval holds those ratios by which a would have
// to be multiplied for RankSum not to tell the two apart (Hodges and Lehmann, Estimates
// of location based on rank tests, 1963; Moses' interval). It needs nothing but that the
// two distributions are alike but for the factor.
//
// Note: the ends of both medians' intervals, divided by each other, were rejected: they
// hold the ratio far more often than Confidence, and are half as wide again.
func Ratio(a, b []float64) Summary {
	sum := Summary{Center: math.NaN(), Lo: math.Inf(-1), Hi: math.Inf(1), N: min(len(a), len(b))}
	var ratios []float64
	for _, x := range a {
		for _, y := range b {
			if !(x > 0) || !(y > 0) {
				sum.Warning = "a ratio needs values above 0"
				return sum
			}
			ratios = append(ratios, y/x-1)
		}
	}
	if len(ratios) == 0 {
		sum.Warning = "a ratio needs values"
		return sum
	}
	slices.Sort(ratios)
	sum.Center = middle(ratios)
	k := ratioOrder(len(a), len(b))
	if k == 0 {
		sum.Warning = fmt.Sprintf("need more than %d and %d samples for a %.0f %% interval", len(a), len(b), 100*Confidence)
		return sum
	}
	sum.Lo, sum.Hi = ratios[k-1], ratios[len(ratios)-k]
	return sum
}

// ratioOrder is the largest k, 1-based, at which [x(k), x(nm+1-k)] of all nm ratios
// still holds the true one with Confidence: P(U < k) <= (1 - Confidence)/2. It is 0 when
// there is none.
func ratioOrder(n, m int) int {
	if n+m > mostExact {
		u := float64(n*m) / 2
		sd := math.Sqrt(float64(n*m*(n+m+1)) / 12)
		return max(0, int(math.Floor(u-sd*math.Sqrt2*math.Erfinv(Confidence))))
	}
	ranks := make([]int, n+m)
	for i := range ranks {
		ranks[i] = i + 1
	}
	ways, total := waysOf(ranks, n)
	below, k := 0.0, 0
	for u := n * (n + 1) / 2; u < len(ways); u++ { // the sum of ranks at which U is 0
		if below += ways[u]; below/total > (1-Confidence)/2 {
			break
		}
		k++
	}
	return k
}

// LeastP is the least p-value that RankSum can give for samples of these sizes: what is
// not below the limit even then cannot be told by so few.
func LeastP(n, m int) float64 {
	ways := 1.0
	for i := range n {
		ways *= float64(n+m-i) / float64(i+1)
	}
	return math.Min(1, 2/ways)
}
