package report

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/svcmark/svcmark/results"
)

// Of a timeline: how large its dots are, and the grey of its syncs.
const dotRadius = 1.1

var bandGrey = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}

// bands are the syncs, over the whole height; one that is too short to be seen has the
// width of a thin line.
type bands struct {
	syncs  []results.SyncMark
	factor float64
}

// Plot implements plot.Plotter.
func (b bands) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, s := range b.syncs {
		from, to := x(float64(s.From)*b.factor), x(float64(s.To)*b.factor)
		to = max(to, from+vg.Points(0.9))
		c.FillPolygon(bandGrey, []vg.Point{{X: from, Y: c.Min.Y}, {X: to, Y: c.Min.Y}, {X: to, Y: c.Max.Y}, {X: from, Y: c.Max.Y}})
	}
}

// timelinePlot draws panel i: a dot for each operation that was answered right.
func (p *painter) timelinePlot(i int, bottom bool) *plot.Plot {
	pn := &p.f.panels[i]
	t, factor := pn.timeline, p.f.q.factor
	pl := p.newPlot(pn.title)
	pl.Add(bands{t.Syncs, factor}, gridLines())
	var right, wrong plotter.XYs
	for _, o := range t.Operations {
		pt := plotter.XY{X: float64(o.Due) * factor, Y: float64(max(o.Took, 1)) * factor}
		if o.Outcome == results.Answered {
			right = append(right, pt)
		} else {
			wrong = append(wrong, pt)
		}
	}
	lk := p.looks[pn.title]
	pl.Add(&plotter.Scatter{XYs: right, GlyphStyle: draw.GlyphStyle{Color: lk.color, Radius: dotRadius, Shape: draw.CircleGlyph{}}})
	if len(wrong) > 0 {
		pl.Add(&plotter.Scatter{XYs: wrong, GlyphStyle: draw.GlyphStyle{Color: black, Radius: 2.5, Shape: draw.CrossGlyph{}}})
	}
	lo, hi := p.f.took()
	pl.Y.Scale, pl.Y.Min, pl.Y.Max = plot.LogScale{}, lo/1.3, hi*1.3
	pl.Y.Tick.Marker = logTicks{p.f.q.scale, p.f.q.symbol}
	from, to := t.Operations[0].Due, t.Operations[len(t.Operations)-1].Due
	for _, s := range t.Syncs {
		from, to = min(from, s.From), max(to, s.To)
	}
	pl.X.Min, pl.X.Max = float64(from)*factor, float64(max(to, from+1))*factor
	pl.X.Tick.Marker = linearTicks{p.f.q.scale, p.f.q.symbol, 5}
	if bottom {
		pl.X.Label.Text = "since the measurement began"
	}
	return pl
}
