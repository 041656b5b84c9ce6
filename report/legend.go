package report

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// legend lists the backends from the top: line, marker and name, and below
// what their figures say.
func (p *painter) legend(c draw.Canvas) {
	name, detail := p.fonts.style(9.5, ink, false), p.fonts.style(8.5, faint, false)
	y := c.Max.Y - 10
	const thumb, gap = 22, 6
	for _, e := range p.f.legend {
		lk := p.looks[e.backend]
		mid := y + 3.2
		c.StrokeLine2(draw.LineStyle{Color: lk.color, Width: curveWidth}, c.Min.X, mid, c.Min.X+thumb, mid)
		c.DrawGlyph(draw.GlyphStyle{Color: lk.color, Radius: markerRadius, Shape: lk.marker}, vg.Point{X: c.Min.X + thumb/2, Y: mid})
		c.FillText(name, vg.Point{X: c.Min.X + thumb + gap, Y: y}, e.backend)
		y -= 12
		if e.detail != "" {
			c.FillText(detail, vg.Point{X: c.Min.X + thumb + gap, Y: y}, e.detail)
			y -= 12
		}
		y -= 7
	}
	if p.f.heading != "" {
		c.FillText(detail, vg.Point{X: c.Min.X, Y: y}, p.f.heading)
	}
}

// partLegend explains the shades of bars, in one line.
func (p *painter) partLegend(c draw.Canvas, at vg.Point) {
	sty := p.fonts.style(9, ink, false)
	for k, part := range p.f.parts {
		shade := tint(black, 0.75*shade(k, len(p.f.parts)))
		c.FillPolygon(shade, []vg.Point{at, {X: at.X + 10, Y: at.Y}, {X: at.X + 10, Y: at.Y + 8}, {X: at.X, Y: at.Y + 8}})
		c.FillText(sty, vg.Point{X: at.X + 14, Y: at.Y}, part)
		at.X += 14 + sty.Width(part) + 16
	}
}
