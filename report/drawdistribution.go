package report

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// distributionPlot draws panel i of single operations.
func (p *painter) distributionPlot(i int, bottom bool) *plot.Plot {
	pn := &p.f.panels[i]
	pl := p.newPlot(pn.title)
	pl.Add(gridLines())
	for _, c := range pn.curves {
		var pts plotter.XYs
		for _, pt := range c.points {
			pts = append(pts, plotter.XY{X: pt.X, Y: pt.Y})
		}
		pl.Add(&plotter.Line{XYs: pts, LineStyle: draw.LineStyle{Color: p.looks[c.backend].color, Width: curveWidth}})
	}
	cost, other := &pl.Y, &pl.X
	if p.f.over == cumulated {
		cost, other = &pl.X, &pl.Y
	}
	lo, hi, most := p.f.costs()
	cost.Min, cost.Max, cost.Tick.Marker = 0, hi*1.06, linearTicks{p.f.q.scale, p.f.q.symbol, 5}
	if p.f.log {
		cost.Scale, cost.Min, cost.Max = plot.LogScale{}, lo/1.3, hi*1.3
		cost.Tick.Marker = logTicks{p.f.q.scale, p.f.q.symbol}
	}
	if p.f.over == cumulated {
		other.Min, other.Max, other.Tick.Marker = 0, 1.02, shareTicks{}
	} else {
		other.Min, other.Max, other.Tick.Marker = 0, most*1.02, nineTicks{}
	}
	if bottom {
		pl.X.Label.Text = "percentile"
		if p.f.over == cumulated {
			pl.X.Label.Text = p.f.q.axis() + " of one operation"
		}
	}
	return pl
}

// costs is the range of costs of all panels, and the largest number of nines.
func (f *figure) costs() (lo, hi, most float64) {
	lo = math.Inf(1)
	for _, pn := range f.panels {
		for _, c := range pn.curves {
			for _, pt := range c.points {
				v, x := pt.Y, pt.X
				if f.over == cumulated {
					v, x = x, v
				}
				lo, hi, most = min(lo, v), max(hi, v), max(most, x)
			}
		}
	}
	return lo, hi, most
}

// nineTicks are the percentiles with one nine more each, and the median.
type nineTicks struct{}

func (nineTicks) Ticks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	for _, share := range []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999} {
		if x := nines(share, math.Inf(1)); in(x, lo, hi) || x == 0 {
			ticks = append(ticks, plot.Tick{Value: x, Label: nineLabel(share)})
		}
	}
	return ticks
}

// shareTicks are quarters.
type shareTicks struct{}

func (shareTicks) Ticks(_, _ float64) []plot.Tick {
	var ticks []plot.Tick
	for i := range 5 {
		ticks = append(ticks, plot.Tick{Value: float64(i) / 4, Label: fmt.Sprintf("%d %%", 25*i)})
	}
	return ticks
}

// nineLabel is short at 0, where the median's is near.
func nineLabel(share float64) string {
	if share == 0 {
		return "0"
	}
	return strconv.FormatFloat(100*share, 'f', -1, 64) + " %"
}
