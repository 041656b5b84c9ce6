package plan

import (
	"math"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/results"
)

// Crossing is where one backend's cost rises above another's.
type Crossing struct {
	Measurement string
	Unit        results.Unit
	At          []results.Label
	// Below is cheaper up to Services, and Above from there on.
	Below, Above string
	// Services lies in [Lo, Hi]: above Hi, and below Lo, the two cannot be taken for each
	// other.
	Services, Lo, Hi float64
	Beyond           bool // above the largest size that both were measured at
}

// cross finds the crossings of each measurement's first unit, where it is better or worse.
func (p *Plan) cross(o Options, r *report.Report) {
	for i := range r.Tables {
		t := &r.Tables[i]
		if !t.Primary || t.Unit.Better == results.Neither {
			continue
		}
		all, err := asked(o, t)
		if err != nil {
			continue // nothing at these labels
		}
		for i, a := range all {
			for _, b := range all[i+1:] {
				if labelsText(a.group) == labelsText(b.group) && a.backend != o.Control && b.backend != o.Control {
					p.Crossings = append(p.Crossings, crossings(t, a, b)...)
				}
			}
		}
	}
}

// crossings are where two series change places for sure: the intervals of both are apart
// before and after, and the other way round.
func crossings(t *report.Table, a, b *series) (found []Crossing) {
	from, measured := max(a.first().X, b.first().X), min(a.last().X, b.last().X)
	to := Reach * measured
	for _, s := range []*series{a, b} {
		if s.err != nil {
			to = min(to, s.last().X)
		}
	}
	side, apart, met := 0, from, math.NaN() // apart: the last size at which they were
	for x := range sizes(from, max(from, to)) {
		ya, loA, hiA := a.at(x)
		yb, loB, hiB := b.at(x)
		if side != 0 && math.IsNaN(met) && (ya-yb)*float64(side) < 0 {
			met = x
		}
		now := 0
		switch {
		case hiA < loB:
			now = -1
		case loA > hiB:
			now = 1
		}
		if now == 0 {
			continue
		}
		if side != 0 && now != side {
			c := Crossing{Measurement: t.Measurement, Unit: t.Unit, At: a.group, Below: a.backend, Above: b.backend, Services: met, Lo: apart, Hi: x, Beyond: met > measured}
			if now < 0 {
				c.Below, c.Above = b.backend, a.backend
			}
			found = append(found, c)
		}
		side, apart, met = now, x, math.NaN()
	}
	return found
}
