// Package stats says what samples say, and no more: a centre with its
// interval, the line through points, how a cost grows. Too few samples give an
// infinite interval and a reason, never a silent number.
package stats

import (
	"fmt"
	"math"
	"slices"
)

// Confidence is the level of every interval of this package.
const Confidence = 0.95

// Summary is the centre of a sample and the interval that holds the true
// centre with at least Confidence. Lo <= Center <= Hi.
type Summary struct {
	Center, Lo, Hi float64
	N              int    // how many values it summarises
	Warning        string // why the interval is infinite or not to be trusted; "" when it is
}

// Exact summarises values without noise, such as instructions in the
// virtual clock: the interval of one repetition has no width. Repetitions there
// differ by what each is perturbed with on purpose (lab.Job): the centre is their
// median, the interval their range, and the warning says how wide it is. Counts that
// differ mean that something is broken.
func Exact(values []float64) Summary {
	s := sorted(values)
	lo, hi := s[0], s[len(s)-1]
	sum := Summary{Center: middle(s), Lo: lo, Hi: hi, N: len(s)}
	if lo != hi {
		sum.Warning = fmt.Sprintf("each is exact, and %d repetitions range from %v to %v, perturbed on purpose", len(s), lo, hi)
		if sum.Center != 0 {
			sum.Warning = fmt.Sprintf("each is exact, and %d repetitions range over %.3g %%, perturbed on purpose", len(s), 100*(hi-lo)/math.Abs(sum.Center))
		}
	}
	return sum
}

// sorted is an ascending copy: the caller's slice is the caller's. It panics
// on no values, which have no summary.
func sorted(values []float64) []float64 {
	if len(values) == 0 {
		panic("stats: a summary of no values")
	}
	s := slices.Clone(values)
	slices.Sort(s)
	return s
}
