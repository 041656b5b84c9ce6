package report

import (
	"slices"

	"github.com/svcmark/svcmark/report/stats"
)

// Overlay is a picture of figures that were measured and of such as others have
// published: over the number of Services, or as bars where there is one each. What
// was published is dashed and pale, for nobody here has measured it.
type Overlay struct {
	Name     string // of its files, without extension
	Title    string
	Subtitle string
	Axis     string // what the values are
	Symbol   string // after a value, such as " x"
	Foot     string
	Bars     bool // each series is one value
	Series   []Series
}

// Series is a curve or a bar of an Overlay.
type Series struct {
	Name      string
	Backend   string // whose look it has
	Published bool
	Detail    string // what the legend says of it
	Points    []SeriesPoint
}

// SeriesPoint is a value, and the figure that it was before it was made comparable.
type SeriesPoint struct {
	Services, Value float64
	Figure          string // with its unit; "" where Value is the figure
}

// DrawOverlays draws each as PNG and as SVG into dir, which it makes when it is not
// there, and gives the files' paths.
func DrawOverlays(dir string, all []Overlay) ([]string, error) {
	figures := make([]figure, len(all))
	for i := range all {
		figures[i] = all[i].figure()
	}
	return drawAll(dir, figures, overlayLooks(all))
}

// OverlayFigures are the pictures before they are drawn, and the looks of their series.
func OverlayFigures(all []Overlay) ([]Figure, []Look) {
	figures := make([]Figure, 0, len(all))
	looks := make([]Look, 0, len(all))
	of := overlayLooks(all)
	for i := range all {
		f := all[i].figure()
		data := f.data()
		for j, c := range data.Panels[0].Curves {
			for k := range c.Points {
				if figure := all[i].Series[j].Points[k].Figure; figure != "" {
					c.Points[k].Text += " (" + figure + ")"
				}
			}
		}
		figures = append(figures, data)
		for _, s := range all[i].Series {
			if !slices.ContainsFunc(looks, func(l Look) bool { return l.Backend == s.Name }) {
				looks = append(looks, of[s.Name].data(s.Name))
			}
		}
	}
	return figures, looks
}

// overlayLooks are the looks of the series' names.
func overlayLooks(all []Overlay) map[string]look {
	var backends []string
	for _, o := range all {
		for _, s := range o.Series {
			backends = append(backends, s.Backend)
		}
	}
	of := looksOf(backends)
	named := map[string]look{}
	for _, o := range all {
		for _, s := range o.Series {
			l := of[s.Backend]
			if s.Published {
				l.dashed, l.marker.hollow = true, true
			}
			named[s.Name] = l
		}
	}
	return named
}

func (o *Overlay) figure() figure {
	f := figure{
		name: o.Name, title: o.Title, subtitle: o.Subtitle, yTitle: o.Axis, footing: o.Foot,
		q: quantity{symbol: o.Symbol, scale: si}, panels: []panel{{}},
	}
	p := &f.panels[0]
	if o.Bars {
		for _, s := range o.Series {
			p.bars = append(p.bars, bar{backend: s.Name, parts: []float64{s.Points[0].Value}})
		}
		return f
	}
	for _, s := range o.Series {
		c := curve{backend: s.Name}
		for _, pt := range s.Points {
			c.points = append(c.points, stats.Point{X: pt.Services, Y: pt.Value, Lo: pt.Value, Hi: pt.Value})
		}
		p.curves = append(p.curves, c)
		f.legend = append(f.legend, legendEntry{backend: s.Name, detail: s.Detail})
	}
	_, _, sizes := f.extent()
	// A size of 0 lies nowhere on a logarithmic axis.
	f.log = sizes[0] > 0 && sizes[len(sizes)-1] > far/2*sizes[0]
	return f
}
