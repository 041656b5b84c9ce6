package report

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	barWidth = 13
	barStep  = 20 // from one bar to the next
	barFrame = 58 // a panel's title, axis and its title
)

// barPanelHeight is enough for the panel with most bars.
func (p *painter) barPanelHeight() vg.Length {
	most := 1
	for _, pn := range p.f.panels {
		most = max(most, len(pn.bars))
	}
	return vg.Length(most*barStep + barFrame)
}

// barPlot draws panel i: horizontal bars, so that the backends' names stand
// beside them in full. Each panel has a scale of its own.
func (p *painter) barPlot(i int, left, bottom bool) *plot.Plot {
	pn := &p.f.panels[i]
	pl := p.newPlot(pn.title)
	if bottom {
		pl.X.Label.Text = p.f.yTitle
	}
	names := make([]string, len(pn.bars))
	top := 0.0
	for j, b := range pn.bars {
		// The first backend on top, as in tables.
		at := len(pn.bars) - 1 - j
		names[at] = fitText(p.fonts.style(8.5, ink, false), b.backend, pictureWidth/4)
		sum := 0.0
		for k, v := range b.parts {
			pl.Add(segment{from: sum, to: sum + v, at: float64(at), color: draw.LineStyle{Color: tint(p.looks[b.backend].color, p.looks[b.backend].full()*shade(k, len(b.parts)))}})
			sum += v
		}
		top = max(top, sum)
		label := "not measured"
		if len(b.parts) > 0 {
			label = p.f.q.scale.format(sum, 3) + p.f.q.symbol
		}
		pl.Add(barText{at: float64(at), from: sum, text: label, style: p.fonts.style(8.5, faint, false)})
	}
	if !left {
		for j := range names {
			names[j] = ""
		}
	}
	if top == 0 {
		top = 1
	}
	pl.NominalY(names...)
	pl.Y.Tick.Label.XAlign = draw.XRight
	pl.Y.Min, pl.Y.Max = -0.5, math.Max(float64(len(pn.bars))-0.5, 0.5)
	pl.X.Min, pl.X.Max = 0, top*1.22
	pl.X.Tick.Marker = linearTicks{p.f.q.scale, p.f.q.symbol, 5}
	pl.X.Width = vg.Points(0.6)
	return pl
}

// shade is how full the colour of part k of n is: full, then lighter.
func shade(k, n int) float64 {
	if n < 2 {
		return 1
	}
	return 1 - 0.7*float64(k)/float64(n-1)
}

// barText stands behind the end of a bar.
type barText struct {
	at, from float64
	text     string
	style    text.Style
}

func (t barText) Plot(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	t.style.YAlign = draw.YCenter
	c.FillText(t.style, vg.Point{X: x(t.from) + 4, Y: y(t.at) + t.style.FontExtents().Descent}, t.text)
}

// segment is a part of a horizontal bar, in the bar's own place on y.
type segment struct {
	from, to, at float64
	color        draw.LineStyle
}

func (s segment) Plot(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	x0, x1, mid := x(s.from), x(s.to), y(s.at)
	c.FillPolygon(s.color.Color, []vg.Point{
		{X: x0, Y: mid - barWidth/2.0}, {X: x1, Y: mid - barWidth/2.0}, {X: x1, Y: mid + barWidth/2.0}, {X: x0, Y: mid + barWidth/2.0},
	})
}
