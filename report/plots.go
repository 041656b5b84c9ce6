package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// pngDPI makes pictures 1600 pixels wide: twice what a page shows.
const pngDPI = 192

// Plots draws the report's pictures into dir, which it makes when it is not
// there, each as PNG and as SVG, and gives the files' paths. The same report
// gives the same bytes. A report without values at several sizes may have no
// picture at all.
func (r *Report) Plots(dir string) ([]string, error) {
	return drawAll(dir, r.figures(), looksOf(r.backends()))
}

// drawAll draws figures into dir, which it makes when it is not there.
func drawAll(dir string, figures []figure, looks map[string]look) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot draw plots: %w", err)
	}
	fonts, err := newTypeset(nil)
	if err != nil {
		return nil, fmt.Errorf("cannot draw plots: %w", err)
	}
	var paths []string
	for _, f := range figures {
		p := &painter{f: &f, looks: looks, fonts: fonts}
		for _, format := range []string{"png", "svg"} {
			data, err := p.render(format)
			if err != nil {
				return paths, fmt.Errorf("cannot draw %s.%s: %w", f.name, format, err)
			}
			path := filepath.Join(dir, f.name+"."+format)
			if err := os.WriteFile(path, data, 0o644); err != nil {
				_ = os.Remove(path) // half a picture is none
				return paths, fmt.Errorf("cannot draw plots: %w", err)
			}
			paths = append(paths, path)
		}
	}
	return paths, nil
}

func (r *Report) backends() []string {
	var bs []string
	for _, t := range r.Tables {
		bs = append(bs, t.Columns...)
	}
	return bs
}

// render draws the figure as a file of the format.
func (p *painter) render(format string) ([]byte, error) {
	w, h := p.size()
	var canvas vg.CanvasWriterTo
	if format == "png" {
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(pngDPI))}
	} else {
		rec := new(recorder.Canvas)
		p.draw(draw.NewCanvas(rec, w, h))
		small, err := newTypeset(runesOf(rec))
		if err != nil {
			return nil, err
		}
		p = &painter{f: p.f, looks: p.looks, fonts: small}
		canvas = vgsvg.NewWith(vgsvg.UseWH(w, h), vgsvg.EmbedFonts(true))
	}
	p.draw(draw.New(canvas))
	var b bytes.Buffer
	_, err := canvas.WriteTo(&b)
	return b.Bytes(), err
}
