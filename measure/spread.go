package measure

import (
	"slices"
	"time"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// Spread summarises many operations. Lost ones count as slower than all
// others: a quantile that reaches them is the timeout, which is a lower bound.
type Spread struct {
	N, Lost               int
	Min, Median, P99, Max int64
}

func spreadOf(l probe.Latencies, timeout time.Duration) Spread {
	costs := slices.Clone(l.Costs)
	for range l.Lost {
		costs = append(costs, int64(timeout))
	}
	slices.Sort(costs)
	n := len(costs)
	if n == 0 {
		return Spread{}
	}
	return Spread{
		N: n, Lost: l.Lost,
		Min:    costs[0],
		Median: (costs[(n-1)/2] + costs[n/2]) / 2,
		P99:    costs[(n*99+99)/100-1], // nearest rank
		Max:    costs[n-1],
	}
}

// histogram is that of single operations, for their result.
func (c *Cell) histogram(l probe.Latencies) *results.Histogram {
	return results.NewHistogram(c.Clock.TimeUnit(), l.Costs, l.Lost, int64(c.Timeout))
}

// latencyUnits are the units of a Spread beside its control.
func latencyUnits(clock lab.Clock) []results.Unit {
	return []results.Unit{
		timeUnit(clock, ""), timeUnit(clock, "min-"), timeUnit(clock, "p99-"), timeUnit(clock, "direct-"),
		{Name: "lost/op", Better: results.Lower, Exact: clock == lab.Virtual},
	}
}

// samples are a Spread's values beside the median of its control.
func (s Spread) samples(clock lab.Clock, control Spread) []results.Sample {
	return []results.Sample{
		{Value: float64(s.Median), Unit: timeUnit(clock, "").Name},
		{Value: float64(s.Min), Unit: timeUnit(clock, "min-").Name},
		{Value: float64(s.P99), Unit: timeUnit(clock, "p99-").Name},
		{Value: float64(control.Median), Unit: timeUnit(clock, "direct-").Name},
		{Value: float64(s.Lost) / float64(s.N), Unit: "lost/op"},
	}
}
