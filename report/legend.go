package report

import (
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	thumbWidth = 22
	thumbGap   = 6
)

// legendWidth is what the longest of the legend's texts needs, within bounds.
func (p *painter) legendWidth() vg.Length {
	name, detail := p.legendStyles()
	w := max(90, detail.Width(p.f.heading))
	for _, e := range p.f.legend {
		w = max(w, thumbWidth+thumbGap+max(name.Width(e.backend), detail.Width(e.detail), detail.Width(e.failed)))
	}
	return min(w, pictureWidth/3)
}

func (p *painter) legendStyles() (name, detail text.Style) {
	return p.fonts.style(9.5, ink, false), p.fonts.style(8.5, faint, false)
}

// legend lists the backends from the top: line, marker and name, and below
// what their figures say.
func (p *painter) legend(c draw.Canvas) {
	name, detail := p.legendStyles()
	x, room := c.Min.X+thumbWidth+thumbGap, c.Size().X-thumbWidth-thumbGap
	y := c.Max.Y - 10
	for _, e := range p.f.legend {
		lk := p.looks[e.backend]
		mid := y + 3.2
		c.StrokeLine2(lk.line(curveWidth), c.Min.X, mid, c.Min.X+thumbWidth, mid)
		c.DrawGlyph(draw.GlyphStyle{Color: lk.color, Radius: markerRadius, Shape: lk.marker}, vg.Point{X: c.Min.X + thumbWidth/2, Y: mid})
		c.FillText(name, vg.Point{X: x, Y: y}, fitText(name, e.backend, room))
		y -= lineHeight
		for _, line := range []string{e.detail, e.failed} {
			if line != "" {
				c.FillText(detail, vg.Point{X: x, Y: y}, fitText(detail, line, room))
				y -= lineHeight
			}
		}
		y -= entryGap
	}
	if p.f.heading != "" {
		c.FillText(detail, vg.Point{X: c.Min.X, Y: y}, fitText(detail, p.f.heading, c.Size().X))
	}
}

const (
	lineHeight = 12
	entryGap   = 7
)

// legendHeight is what all entries need.
func (p *painter) legendHeight() vg.Length {
	h := vg.Length(lineHeight) // the heading
	for _, e := range p.f.legend {
		h += lineHeight + entryGap
		for _, line := range []string{e.detail, e.failed} {
			if line != "" {
				h += lineHeight
			}
		}
	}
	return h
}

// fitText cuts a text that is wider than its room, and says so by an ellipsis.
func fitText(sty text.Style, s string, room vg.Length) string {
	if sty.Width(s) <= room {
		return s
	}
	rs := []rune(s)
	for len(rs) > 0 && sty.Width(string(rs)+"…") > room {
		rs = rs[:len(rs)-1]
	}
	return string(rs) + "…"
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
