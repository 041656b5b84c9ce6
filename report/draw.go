package report

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A picture's measures, in points. 600 points are 1600 pixels at the PNG's
// density.
const (
	pictureWidth = 600
	margin       = 16
	headHeight   = 44
	footHeight   = 20
	legendGap    = 14
	loneHeight   = 300 // of a lone panel
	smallHeight  = 195 // of one among several
	partsHeight  = 20  // of the legend of bars' parts
	titleHeight  = 22  // of the title of y
)

// painter draws one figure.
type painter struct {
	f     *figure
	looks map[string]look
	fonts typeset
}

// size is the picture's width and height.
func (p *painter) size() (w, h vg.Length) {
	rows, _ := p.grid()
	switch {
	case p.barred():
		h = vg.Length(rows) * p.barPanelHeight()
		if len(p.f.parts) > 0 {
			h += partsHeight
		}
	case len(p.f.panels) == 1:
		h = max(titleHeight+loneHeight, p.legendHeight())
	default:
		h = max(titleHeight+vg.Length(rows)*smallHeight, p.legendHeight())
	}
	h += 2*margin + headHeight + footHeight
	return pictureWidth, h
}

func (p *painter) barred() bool { return p.f.legend == nil }

// grid is how the panels are laid out.
func (p *painter) grid() (rows, cols int) {
	n := len(p.f.panels)
	switch {
	case n == 1:
		cols = 1
	case n <= 6:
		cols = 2
	default:
		cols = 3
	}
	return (n + cols - 1) / cols, cols
}

// draw paints head, legend, panels and foot. The legend stands beside the
// panels and so covers nothing.
func (p *painter) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	line := func(size float64, col color.Color, bold bool, y vg.Length, text string) {
		sty := p.fonts.style(size, col, bold)
		c.FillText(sty, vg.Point{X: c.Min.X, Y: y}, fitText(sty, text, c.Size().X))
	}
	line(14, ink, true, c.Max.Y-13, p.f.title)
	line(8.5, faint, false, c.Max.Y-29, p.f.subtitle)
	line(8, faint, false, c.Min.Y, p.f.foot())

	body := draw.Crop(c, 0, 0, footHeight, -headHeight)
	switch {
	case !p.barred():
		width := p.legendWidth()
		p.legend(draw.Crop(body, body.Size().X-width, 0, 0, 0))
		body = draw.Crop(body, 0, -width-legendGap, 0, 0)
		// Level and on top, where it is read first. On the axis itself gonum
		// makes room for it in the wrong place when the scale is logarithmic.
		c.FillText(p.fonts.style(9, ink, false), vg.Point{X: body.Min.X, Y: body.Max.Y - 10}, p.f.yTitle)
		body = draw.Crop(body, 0, 0, 0, -titleHeight)
	case len(p.f.parts) > 0:
		p.partLegend(body, vg.Point{X: body.Min.X, Y: body.Max.Y - 8})
		body = draw.Crop(body, 0, 0, 0, -partsHeight)
	}
	p.panels(body)
}

// panels draws the plots with their axes aligned.
func (p *painter) panels(c draw.Canvas) {
	rows, cols := p.grid()
	plots := make([][]*plot.Plot, rows)
	for i := range plots {
		plots[i] = make([]*plot.Plot, cols)
	}
	for i := range p.f.panels {
		row, col := i/cols, i%cols
		if p.barred() {
			plots[row][col] = p.barPlot(i, col == 0, i+cols >= len(p.f.panels))
		} else {
			bottom := i+cols >= len(p.f.panels)
			switch p.f.over {
			case overSizes:
				plots[row][col] = p.curvePlot(i, bottom)
			case overTime:
				plots[row][col] = p.timelinePlot(i, bottom)
			default:
				plots[row][col] = p.distributionPlot(i, bottom)
			}
		}
	}
	tiles := draw.Tiles{Rows: rows, Cols: cols, PadX: vg.Points(16), PadY: vg.Points(14)}
	canvases := plot.Align(plots, tiles, c)
	for i := range p.f.panels {
		row, col := i/cols, i%cols
		plots[row][col].Draw(canvases[row][col])
	}
}

// newPlot is a plot with our type and no lines but the axes'.
func (p *painter) newPlot(title string) *plot.Plot {
	pl := plot.New()
	pl.TextHandler = p.fonts.handler
	pl.BackgroundColor = nil
	pl.Title.Text = title
	pl.Title.TextStyle = p.fonts.style(9.5, ink, true)
	pl.Title.TextStyle.XAlign, pl.Title.TextStyle.YAlign = draw.XCenter, draw.YTop
	pl.Title.Padding = vg.Points(6)
	for _, a := range []*plot.Axis{&pl.X, &pl.Y} {
		label, tick := p.fonts.style(9, ink, false), p.fonts.style(8.5, ink, false)
		label.XAlign, label.YAlign = a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign
		label.Rotation = a.Label.TextStyle.Rotation
		tick.XAlign, tick.YAlign = a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Label.TextStyle, a.Tick.Label = label, tick
		a.Label.Padding = vg.Points(4)
		a.Color, a.Tick.Color = rule, rule
		a.Width, a.Tick.Width = vg.Points(0.6), vg.Points(0.6)
		a.Tick.Length = vg.Points(4)
		a.Padding = 0
	}
	return pl
}
