package compare

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/svcmark/svcmark/report/stats"
)

// sizeLabel is the label that costs grow with.
const sizeLabel = "services"

// Growth is how a figure grows with the number of Services on both sides. It is judged
// by itself: a slope that has doubled may hide below the fixed cost of the sizes that
// were measured, and a change of the class is worse than any of them tells.
type Growth struct {
	Name     string // the figure's, without a size
	Old, New stats.Growth
	// Change is by how much the slope's part in the cost of the largest size has
	// changed, as a share of that cost on the old side. Both slopes are those of the
	// ordinary line: the one of a Growth depends on its class.
	Change  float64
	Verdict Verdict
	Reason  string
}

// growths are those of exact figures that are judged, by at least three sizes.
func growths(rs []Row, p Policy) []Growth {
	type series struct {
		old, now []stats.Point
		size     float64 // of the largest
		largest  *Row
	}
	var order []string
	all := map[string]*series{}
	for i := range rs {
		r := &rs[i]
		size, err := strconv.ParseFloat(valueOf(r.Labels, sizeLabel), 64)
		if err != nil || !r.Judged || !r.exact() || len(r.Old.Values) == 0 || len(r.New.Values) == 0 {
			continue
		}
		name := r.Measurement + " " + r.Unit.Name + " " + textOf(without(r.Labels, sizeLabel))
		s := all[name]
		if s == nil {
			s = &series{}
			all[name] = s
			order = append(order, name)
		}
		point := func(sum stats.Summary) stats.Point {
			return stats.Point{X: size, Y: sum.Center, Lo: sum.Lo, Hi: sum.Hi}
		}
		s.old, s.now = append(s.old, point(r.OldSummary)), append(s.now, point(r.NewSummary))
		if s.largest == nil || size > s.size {
			s.size, s.largest = size, r
		}
	}
	var found []Growth
	for _, name := range order {
		s := all[name]
		if len(s.old) < 3 {
			continue
		}
		g := Growth{Name: name, Old: stats.Classify(s.old), New: stats.Classify(s.now)}
		moved := stats.FitLine(s.now).Slope - stats.FitLine(s.old).Slope
		rule, _ := p.rule(s.largest.Pair)
		g.judge(rule, moved*s.size, s.largest)
		found = append(found, g)
	}
	return found
}

// rank orders the classes.
func rank(c stats.Class) int {
	return slices.Index([]stats.Class{stats.Constant, stats.Sublinear, stats.Linear, stats.Superlinear}, c)
}

// judge takes by how much the slope's part in the cost of the largest size has moved.
func (g *Growth) judge(rule Rule, moved float64, largest *Row) {
	old := largest.OldSummary.Center
	if old != 0 {
		g.Change = moved / math.Abs(old)
	}
	before, after := rank(g.Old.Class), rank(g.New.Class)
	counts := math.Abs(g.Change) > rule.Limit && math.Abs(moved) > rule.Least
	switch {
	case !counts:
		g.Verdict = Same
	case before >= 0 && after > before:
		g.Verdict, g.Reason = Worse, fmt.Sprintf("it was %s and is %s", g.Old.Class, g.New.Class)
	case g.Change > 0:
		g.Verdict = Worse
	default:
		g.Verdict = Better
	}
}
