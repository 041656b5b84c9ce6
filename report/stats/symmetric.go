package stats

import (
	"fmt"
	"math"
	"slices"
)

// Symmetric summarises values that lie symmetrically about their centre, as differences
// of two things do that are alike but for a shift. The centre is that of Hodges and
// Lehmann, the median of all means of two values (of one with itself, too), and the
// interval holds those shifts that Wilcoxon's signed-rank test does not reject (Hodges and
// Lehmann, Estimates of location based on rank tests, 1963; Tukey's interval). It is
// narrower than that of Median, which assumes no symmetry. Fewer than 6 values have none.
func Symmetric(values []float64) Summary {
	n := len(values)
	means := make([]float64, 0, n*(n+1)/2)
	for i, x := range values {
		for _, y := range values[i:] {
			means = append(means, x+(y-x)/2)
		}
	}
	slices.Sort(means)
	sum := Summary{Center: middle(means), Lo: math.Inf(-1), Hi: math.Inf(1), N: n}
	k := signedRankOrder(n)
	if k == 0 {
		sum.Warning = fmt.Sprintf("need >= %d samples for a %.0f %% interval, have %d", minMedianSamples, 100*Confidence, n)
		return sum
	}
	sum.Lo, sum.Hi = means[k-1], means[len(means)-k]
	return sum
}

// signedRankOrder is the largest k, 1-based, at which [x(k), x(m+1-k)] of all m means of
// two of n values still holds the true centre with Confidence: P(W < k) <= (1 -
// Confidence)/2, where W is the sum of those ranks 1 to n whose signs, each tossed, are
// negative. It is 0 when there is none.
func signedRankOrder(n int) int {
	most := n * (n + 1) / 4 // W is larger in half of the cases
	shares := make([]float64, most+1)
	shares[0] = 1
	for rank := 1; rank <= n; rank++ {
		for w := most; w >= 0; w-- {
			shares[w] /= 2
			if w >= rank {
				shares[w] += shares[w-rank] / 2
			}
		}
	}
	below, k := 0.0, 0
	for _, share := range shares {
		if below += share; below > (1-Confidence)/2 {
			break
		}
		k++
	}
	return k
}
