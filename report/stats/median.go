package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Median summarises values of an unknown distribution: the median and its
// interval from order statistics, which assumes nothing but independence. The
// interval is [x(k), x(n+1-k)] for the largest k at which it still covers the
// median with Confidence; its coverage is 1 - 2 P(B < k), B binomial (n, 1/2).
// Fewer than 6 values have no such k.
//
// Note: a bootstrap interval was rejected. It exists for any n, and with few
// values it is far too narrow: with 3 it cannot leave their range, which holds
// the true median with 75 % only.
func Median(values []float64) Summary {
	s := sorted(values)
	n := len(s)
	sum := Summary{Center: middle(s), Lo: math.Inf(-1), Hi: math.Inf(1), N: n}
	k := medianOrder(n)
	if k == 0 {
		sum.Warning = fmt.Sprintf("need >= %d samples for a %.0f %% interval, have %d", minMedianSamples, 100*Confidence, n)
		return sum
	}
	sum.Lo, sum.Hi = s[k-1], s[n-k]
	return sum
}

// minMedianSamples is the smallest n with medianOrder(n) > 0:
// 1 - 2/2^6 = 0.969, 1 - 2/2^5 = 0.938.
const minMedianSamples = 6

// medianOrder is the k of Median, 1-based, or 0 when n is too small.
func medianOrder(n int) int {
	b := distuv.Binomial{N: float64(n), P: 0.5}
	k := 0
	for 1-2*b.CDF(float64(k)) >= Confidence {
		k++
	}
	return k
}

// middle is the median of ascending values.
func middle(s []float64) float64 {
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return s[n/2-1] + (s[n/2]-s[n/2-1])/2
}
