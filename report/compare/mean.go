package compare

import (
	"fmt"
	"math"

	"github.com/svcmark/svcmark/results"
)

// Mean is the geometric mean of the changes of a measurement's first unit, by backend,
// with what it hides: how far the points are apart, and how far the noise lets it be off.
type Mean struct {
	Measurement, Unit, Backend string
	Points                     int
	Change                     float64 // a share
	// Least and Most are the smallest and the largest change of a point.
	Least, Most float64
	// Lo and Hi are the ends of the 95 % interval: infinite where a point has none, and the
	// change itself where all figures are exact.
	//
	// They are the geometric means of the ends of the points' own intervals (stats.Ratio).
	// Were the points independent, that would be wider than need be by the root of their
	// number; but they are not, as points of one cell share its repetitions and a machine's
	// slow spell hits all. Where all err together it holds the mean as often as each of them its own, and
	// else more often. A bootstrap of the points' repetitions, each by itself, was rejected:
	// it takes them for independent.
	Lo, Hi float64
	Exact  bool
}

// means are over the points that both sides have, in the order of the rows.
func means(rs []Row) []Mean {
	type key struct{ measurement, unit, backend string }
	var order []key
	rows := map[key][]*Row{}
	for i := range rs {
		r := &rs[i]
		if !r.Primary || r.Unit.Better == results.Neither || len(r.Old.Values) == 0 || len(r.New.Values) == 0 ||
			r.OldSummary.Center <= 0 || r.NewSummary.Center <= 0 {
			continue
		}
		k := key{r.Measurement, r.Unit.Name, valueOf(r.Labels, backendLabel)}
		if rows[k] == nil {
			order = append(order, k)
		}
		rows[k] = append(rows[k], r)
	}
	var found []Mean
	for _, k := range order {
		m := meanOf(rows[k])
		m.Measurement, m.Unit, m.Backend = k.measurement, k.unit, k.backend
		found = append(found, m)
	}
	return found
}

func meanOf(rows []*Row) Mean {
	m := Mean{Points: len(rows), Least: math.Inf(1), Most: math.Inf(-1), Exact: true}
	var change, lo, hi float64 // sums of logarithms
	for _, r := range rows {
		// Of what is noisy, the estimate that belongs to the interval; a median may lie outside.
		c := [3]float64{r.Change, r.Change, r.Change}
		if !r.exact() {
			m.Exact = false
			c[1], c[2] = r.Ratio.Lo, r.Ratio.Hi
			if r.Ratio.Warning == "" {
				c[0] = r.Ratio.Center
			}
		}
		m.Least, m.Most = min(m.Least, c[0]), max(m.Most, c[0])
		change += math.Log1p(c[0])
		lo += math.Log1p(max(-1, c[1])) // without an interval it is -Inf
		hi += math.Log1p(c[2])
	}
	n := float64(len(rows))
	m.Change, m.Lo, m.Hi = math.Expm1(change/n), math.Expm1(lo/n), math.Expm1(hi/n)
	return m
}

// interval is the mean's as it is printed.
func (m *Mean) interval() string {
	switch {
	case m.Exact:
		return "exact"
	case math.IsInf(m.Hi, 1):
		return "none"
	}
	return fmt.Sprintf("%s to %s", percent(m.Lo), percent(m.Hi))
}
