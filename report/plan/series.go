package plan

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// series is what one backend costs by the number of Services, all else being equal.
// Where more is better it holds the inverse, the cost of one, so that costs are all
// there is.
type series struct {
	backend string
	group   []results.Label // what tells it from other series of its table
	points  []stats.Point   // by size, at least one
	trend   stats.Trend
	err     error // why there is no trend
	inverse bool
	vague   bool    // a point has no interval, for want of repetitions
	bend    float64 // how far a point may lie from a line between its neighbours, as a share
}

// seriesOf are a table's, in its order.
func seriesOf(t *report.Table) []*series {
	var all []*series
	for _, row := range t.Rows {
		x, group := row.X, []results.Label{}
		for i, k := range t.Keys {
			if k != report.Axis {
				group = append(group, results.Label{Key: k, Value: row.Values[i]})
			}
		}
		for _, l := range t.Common {
			if v, err := strconv.ParseFloat(l.Value, 64); l.Key == report.Axis && err == nil {
				x = v
			}
		}
		for i, c := range row.Cells {
			if c.State != report.Measured || math.IsNaN(x) {
				continue
			}
			at := slices.IndexFunc(all, func(s *series) bool {
				return s.backend == t.Columns[i] && slices.Equal(s.group, group)
			})
			if at < 0 {
				at = len(all)
				all = append(all, &series{backend: t.Columns[i], group: group, inverse: t.Unit.Better == results.Higher})
			}
			all[at].add(x, c.Summary)
		}
	}
	for _, s := range all {
		s.finish()
	}
	return all
}

func (s *series) add(x float64, sum stats.Summary) {
	p := stats.Point{X: x, Y: s.invert(sum.Center), Lo: s.invert(sum.Lo), Hi: s.invert(sum.Hi)}
	if s.inverse {
		p.Lo, p.Hi = p.Hi, p.Lo
	}
	s.points = append(s.points, p)
}

// invert turns a figure into a cost, and a cost into a figure.
func (s *series) invert(y float64) float64 {
	if s.inverse {
		return 1 / y
	}
	return y
}

func (s *series) finish() {
	slices.SortFunc(s.points, func(a, b stats.Point) int { return cmp.Compare(a.X, b.X) })
	s.vague = slices.ContainsFunc(s.points, func(p stats.Point) bool { return math.IsInf(p.Lo, 0) || math.IsInf(p.Hi, 0) })
	s.trend, s.err = stats.Extrapolate(s.points)
	for i := 1; i+1 < len(s.points); i++ {
		a, p, b := s.points[i-1], s.points[i], s.points[i+1]
		// A parabola's distance from a chord grows with the square of its length, and
		// this one is twice as long as those that are used.
		s.bend = max(s.bend, math.Abs(between(a.X, a.Y, b.X, b.Y, p.X)/p.Y-1)/4)
	}
}

func (s *series) first() stats.Point { return s.points[0] }
func (s *series) last() stats.Point  { return s.points[len(s.points)-1] }

// at is the cost at a size from the smallest on, with the interval in which it lies.
// Between two sizes that were measured it is a power of the size, which is a line where
// both are logarithms; beyond them it is the trend's. Without a trend it is NaN there, and
// so is the interval among vague points.
func (s *series) at(x float64) (y, lo, hi float64) {
	if x > s.last().X {
		if s.err != nil {
			return math.NaN(), math.NaN(), math.NaN()
		}
		y = s.trend.At(x)
		share := s.trend.Share(x)
		return y, y * max(0, 1-share), y * (1 + share)
	}
	i := slices.IndexFunc(s.points, func(p stats.Point) bool { return p.X >= x })
	b := s.points[i]
	y, lo, hi = b.Y, b.Lo, b.Hi
	if i > 0 && b.X != x {
		a := s.points[i-1]
		y = between(a.X, a.Y, b.X, b.Y, x)
		lo, hi = between(a.X, a.Lo, b.X, b.Lo, x)*(1-s.bend), between(a.X, a.Hi, b.X, b.Hi, x)*(1+s.bend)
	}
	if s.vague {
		lo, hi = math.NaN(), math.NaN()
	}
	return y, lo, hi
}

// between interpolates.
func between(x1, y1, x2, y2, x float64) float64 {
	if y1 > 0 && y2 > 0 && x1 > 0 {
		return y1 * math.Pow(y2/y1, math.Log(x/x1)/math.Log(x2/x1))
	}
	return y1 + (y2-y1)*(x-x1)/(x2-x1)
}

// reaches is the smallest size from which on a cost is at a limit, by one of the three
// figures of at; NaN when it is not up to the size to. What is below the limit at a larger
// size that was measured was not at it for good: that is noise.
func (s *series) reaches(limit, to float64, of func(y, lo, hi float64) float64) float64 {
	over := func(x float64) bool { return of(s.at(x)) >= limit }
	before := s.first().X
	if all := !slices.ContainsFunc(s.points, func(p stats.Point) bool { return !over(p.X) }); all {
		return before
	}
	for _, p := range s.points {
		if !over(p.X) {
			before = p.X
		}
	}
	for x := range sizes(before, to) {
		if !over(x) {
			before = x
			continue
		}
		for range 40 {
			if middle := (before + x) / 2; over(middle) {
				x = middle
			} else {
				before = middle
			}
		}
		return x
	}
	return math.NaN()
}

// sizes go from one size to another in steps of half a percent.
func sizes(from, to float64) func(func(float64) bool) {
	return func(yield func(float64) bool) {
		for x := from; x < to; x *= 1.005 {
			if !yield(x) {
				return
			}
		}
		yield(to)
	}
}

func centre(y, _, _ float64) float64 { return y }
func lower(_, lo, _ float64) float64 { return lo }
func upper(_, _, hi float64) float64 { return hi }
