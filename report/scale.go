package report

import "math"

// chooseScale takes logarithmic scales when the values span more than two
// decades: on a linear axis all but the largest would lie on the ground. A
// backend that lies two decades below all others, such as the control's empty
// sync, would press them together; it is left to the legend.
func (f *figure) chooseScale() {
	lows, highs := map[string]float64{}, map[string]float64{}
	for _, p := range f.panels {
		for _, c := range p.curves {
			for _, pt := range c.points {
				if _, ok := lows[c.backend]; !ok {
					lows[c.backend] = pt.Y
				}
				lows[c.backend] = min(lows[c.backend], pt.Y)
				highs[c.backend] = max(highs[c.backend], pt.Y)
			}
		}
	}
	spread := func() (lo, hi float64) {
		lo = math.Inf(1)
		for b := range lows {
			if !f.hidden[b] && lows[b] > 0 {
				lo, hi = min(lo, lows[b]), max(hi, highs[b])
			}
		}
		return lo, hi
	}
	f.hidden = map[string]bool{}
	lo, hi := spread()
	if hi <= far*lo {
		f.log = hi > f.apart()*lo
		return
	}
	for b := range highs {
		below := len(highs) > 1
		for o := range lows {
			below = below && (o == b || highs[b]*far <= lows[o])
		}
		if below {
			f.hidden[b] = true
			break
		}
	}
	lo, hi = spread()
	f.log = hi > f.apart()*lo
}

// apart is what values must lie apart to be too much for one linear axis. Of a crowd
// one that is far above the others leaves them no room there.
func (f *figure) apart() float64 {
	for _, p := range f.panels {
		if len(p.curves) > crowd {
			return farInCrowd
		}
	}
	return far
}

// far is what separates values too much for one linear axis.
const (
	far        = 100
	farInCrowd = 4
)

// crowd is how many backends are told apart as curves, or as columns of a table: with
// more of them there are bars beside the curves, and the columns become rows.
const crowd = 8
