package stats

import (
	"math"
	"slices"
)

// mostExact is up to how many values in all RankSum counts arrangements; beyond, the
// normal distribution is as good.
const mostExact = 60

// RankSum is the two-sided p-value of Mann and Whitney's test that two samples come from
// one distribution: the share of all ways to deal the values out to two samples of these
// sizes in which the sum of ranks is at least as far from its mean. Ties have the mean
// of their ranks, and are counted as they are: the distribution is that of these very
// values. Beyond mostExact values it is the normal approximation with the correction for
// ties. It is 1 when a sample is empty.
//
// With 6 and 6 values that do not overlap it is 2/924.
func RankSum(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 1
	}
	ranks, ties := doubledRanks(a, b)
	sum := 0
	for _, r := range ranks[:len(a)] {
		sum += r
	}
	total := len(a) + len(b)
	mean := len(a) * (total + 1) // of doubled ranks
	far := abs(sum - mean)
	if total > mostExact {
		return normalShare(len(a), len(b), ties, far)
	}
	return share(ranks, len(a), mean, far)
}

// normalShare is what share comes near to with many values.
func normalShare(a, b int, ties float64, far int) float64 {
	n, m, t := float64(a), float64(b), float64(a+b)
	sd := 2 * math.Sqrt(n*m/12*((t+1)-ties/(t*(t-1))))
	if sd == 0 {
		return 1
	}
	return math.Min(1, math.Erfc(math.Max(0, float64(far)-1)/sd/math.Sqrt2))
}

// doubledRanks are twice the ranks of a's values and then of b's, which keeps those of
// ties whole, and the sum of t³-t over all groups of ties.
func doubledRanks(a, b []float64) (ranks []int, ties float64) {
	values := append(slices.Clone(a), b...)
	order := slices.Clone(values)
	slices.Sort(order)
	for _, v := range values {
		lo, _ := slices.BinarySearch(order, v)
		hi := lo
		for hi < len(order) && order[hi] == v {
			hi++
		}
		ranks = append(ranks, lo+1+hi)
	}
	for lo := 0; lo < len(order); {
		hi := lo
		for hi < len(order) && order[hi] == order[lo] {
			hi++
		}
		t := float64(hi - lo)
		ties += t*t*t - t
		lo = hi
	}
	return ranks, ties
}

// share is of all choices of n among the ranks those whose sum is as far from the mean.
func share(ranks []int, n, mean, far int) float64 {
	ways, total := waysOf(ranks, n)
	extreme := 0.0
	for s, w := range ways {
		if abs(s-mean) >= far {
			extreme += w
		}
	}
	return extreme / total
}

// waysOf counts the choices of n among the ranks by their sum, and in all.
func waysOf(ranks []int, n int) (bySum []float64, total float64) {
	all := 0
	for _, r := range ranks {
		all += r
	}
	ways := make([][]float64, n+1) // by how many are chosen, and their sum
	for i := range ways {
		ways[i] = make([]float64, all+1)
	}
	ways[0][0] = 1
	reach := 0 // the largest sum so far
	for i, r := range ranks {
		reach += r
		for k := min(n, i+1); k > 0; k-- {
			for s := reach; s >= r; s-- {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	for _, w := range ways[n] {
		total += w
	}
	return ways[n], total
}

func abs(n int) int { return max(n, -n) }

// Holm are the p-values of several tests as they count when any of them alone would be
// news: with a limit of α for these, the probability of one or more false alarms among
// all is at most α (S. Holm, A simple sequentially rejective multiple test procedure,
// 1979).
func Holm(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case ps[a] < ps[b]:
			return -1
		case ps[a] > ps[b]:
			return 1
		}
		return 0
	})
	adjusted := make([]float64, len(ps))
	least := 0.0
	for i, at := range order {
		least = max(least, math.Min(1, ps[at]*float64(len(ps)-i)))
		adjusted[at] = least
	}
	return adjusted
}
