package report

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/svcmark/svcmark/report/stats"
)

var (
	curveWidth   = vg.Points(1.6)
	markerRadius = vg.Points(3)
)

// curvePlot draws panel i. Only the lowest panels carry a title of x.
func (p *painter) curvePlot(i int, bottom bool) *plot.Plot {
	pn := &p.f.panels[i]
	pl := p.newPlot(pn.title)
	if bottom {
		pl.X.Label.Text = "Services"
	}
	pl.Add(gridLines())
	for _, c := range pn.curves {
		if !p.f.hidden[c.backend] {
			p.addCurve(pl, c)
		}
	}
	// The axes are the figure's, not the panel's, so that panels compare.
	lo, hi, sizes := p.f.extent()
	if p.f.log {
		pl.X.Scale, pl.Y.Scale = plot.LogScale{}, plot.LogScale{}
		pl.X.Min, pl.X.Max = sizes[0]/1.25, sizes[len(sizes)-1]*1.25
		pl.Y.Min, pl.Y.Max = lo/1.6, hi*1.6
		pl.X.Tick.Marker = sizeTicks(sizes)
		pl.Y.Tick.Marker = logTicks{p.f.q.scale, p.f.q.symbol}
	} else {
		last := sizes[len(sizes)-1]
		pl.X.Min, pl.X.Max = -0.025*last, 1.025*last // room for the markers
		pl.Y.Min, pl.Y.Max = 0, hi*1.06
		pl.X.Tick.Marker = linearTicks{si, "", 6}
		pl.Y.Tick.Marker = linearTicks{p.f.q.scale, p.f.q.symbol, 8}
	}
	return pl
}

// extent is the range of all panels' values, positive ones only on a
// logarithmic scale, and all sizes in ascending order.
func (f *figure) extent() (lo, hi float64, sizes []float64) {
	lo, hi = math.Inf(1), 0
	for _, pn := range f.panels {
		for _, c := range pn.curves {
			if f.hidden[c.backend] {
				continue
			}
			for _, pt := range c.points {
				if f.log && (pt.Y <= 0 || pt.X <= 0) {
					continue
				}
				lo, hi = min(lo, pt.Y), max(hi, pt.Y)
				if _, top, ok := bounds(pt); ok {
					hi = max(hi, top)
				}
				if !slices.Contains(sizes, pt.X) {
					sizes = append(sizes, pt.X)
				}
			}
		}
	}
	slices.Sort(sizes)
	return lo, hi, sizes
}

// bounds is the point's interval when there is one worth drawing.
func bounds(p stats.Point) (lo, hi float64, ok bool) {
	if math.IsInf(p.Lo, 0) || math.IsInf(p.Hi, 0) || p.Lo == p.Hi {
		return 0, 0, false
	}
	return p.Lo, p.Hi, true
}

// addCurve draws the measured points with their intervals, and through them
// the fit, or what connects them where a line is no good description.
func (p *painter) addCurve(pl *plot.Plot, c curve) {
	lk := p.looks[c.backend]
	sty := lk.line(curveWidth)
	var pts plotter.XYs
	for _, pt := range c.points {
		if p.f.log && (pt.Y <= 0 || pt.X <= 0) {
			continue
		}
		pts = append(pts, plotter.XY{X: pt.X, Y: pt.Y})
		if lo, hi, ok := bounds(pt); ok {
			if p.f.log && lo <= 0 {
				lo = pt.Y
			}
			pl.Add(whisker{x: pt.X, lo: lo, hi: hi, style: draw.LineStyle{Color: lk.color, Width: vg.Points(1)}})
		}
	}
	if len(pts) == 0 {
		return
	}
	path := pts
	if c.fit != nil && len(pts) > 1 {
		path = fitPath(c.fit, pts[0].X, pts[len(pts)-1].X, p.f.log)
	}
	pl.Add(&plotter.Line{XYs: path, LineStyle: sty}, &plotter.Scatter{
		XYs:        pts,
		GlyphStyle: draw.GlyphStyle{Color: lk.color, Radius: markerRadius, Shape: lk.marker},
	})
}

// fitPath is the fitted line from one size to another: bent on logarithmic
// scales, and cut off where it is not positive.
func fitPath(l *stats.Line, from, to float64, log bool) plotter.XYs {
	if !log {
		return plotter.XYs{{X: from, Y: l.At(from)}, {X: to, Y: l.At(to)}}
	}
	const steps = 60
	var path plotter.XYs
	for i := range steps + 1 {
		x := from * math.Pow(to/from, float64(i)/steps)
		if y := l.At(x); y > 0 {
			path = append(path, plotter.XY{X: x, Y: y})
		}
	}
	return path
}

// gridLines is light lines at the labelled values of y.
func gridLines() plot.Plotter {
	g := plotter.NewGrid()
	g.Vertical.Width = 0
	g.Horizontal = draw.LineStyle{Color: hair, Width: vg.Points(0.6)}
	return g
}

// whisker is a point's interval, with caps that show beyond the marker.
type whisker struct {
	x, lo, hi float64
	style     draw.LineStyle
}

func (w whisker) Plot(c draw.Canvas, pl *plot.Plot) {
	tx, ty := pl.Transforms(&c)
	x, lo, hi := tx(w.x), ty(w.lo), ty(w.hi)
	c.StrokeLine2(w.style, x, lo, x, hi)
	for _, y := range []vg.Length{lo, hi} {
		c.StrokeLine2(w.style, x-markerRadius, y, x+markerRadius, y)
	}
}
