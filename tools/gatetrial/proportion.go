package main

import "gonum.org/v1/gonum/stat/distuv"

// proportion is the 95 % interval of a probability by which something was seen k times in
// n (C. Clopper, E. Pearson, The use of confidence or fiducial limits illustrated in the
// case of the binomial, 1934): exact, which is to say that it holds the probability at
// least so often.
func proportion(k, n int) (lo, hi float64) {
	const tail = 0.025
	hi = 1
	if k > 0 {
		lo = distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(tail)
	}
	if k < n {
		hi = distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(1 - tail)
	}
	return lo, hi
}
