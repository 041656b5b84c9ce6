package report

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// marker is a regular polygon, or a circle when it has no sides. A white edge
// keeps it apart from the line below and from other markers, which gonum's own
// markers lack.
type marker struct {
	sides  int
	turn   float64 // degrees, from a corner on top
	hollow bool
}

func (m marker) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	c.SetColor(color.White)
	c.Fill(m.path(pt, sty.Radius+1))
	c.SetColor(sty.Color)
	c.Fill(m.path(pt, sty.Radius))
	if m.hollow {
		c.SetColor(color.White)
		c.Fill(m.path(pt, sty.Radius-1.3))
	}
}

// path is the outline at a distance r of a circle's; corners stand out further
// so that all markers look equally large.
func (m marker) path(pt vg.Point, r vg.Length) vg.Path {
	var p vg.Path
	if m.sides == 0 {
		p.Move(vg.Point{X: pt.X + r, Y: pt.Y})
		p.Arc(pt, r, 0, 2*math.Pi)
		p.Close()
		return p
	}
	r *= vg.Length(1 + 1.1/float64(m.sides))
	for i := range m.sides {
		a := math.Pi/2 + m.turn*math.Pi/180 + 2*math.Pi*float64(i)/float64(m.sides)
		corner := vg.Point{X: pt.X + r*vg.Length(math.Cos(a)), Y: pt.Y + r*vg.Length(math.Sin(a))}
		if i == 0 {
			p.Move(corner)
		} else {
			p.Line(corner)
		}
	}
	p.Close()
	return p
}
