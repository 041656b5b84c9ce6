package report

import (
	"image/color"
	"maps"
	"slices"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

// typeset is how a picture's texts look: Liberation Sans, which is part of the
// program, so that pictures are the same on every machine.
type typeset struct{ handler text.Handler }

// newTypeset makes a typeset of whole fonts, or, when runes says what each
// weight has to show, of fonts with nothing else, to be embedded.
func newTypeset(runes map[xfont.Weight][]rune) (typeset, error) {
	var faces font.Collection
	for _, f := range []struct {
		weight xfont.Weight
		ttf    []byte
	}{
		{xfont.WeightNormal, liberationsansregular.TTF},
		{xfont.WeightBold, liberationsansbold.TTF},
	} {
		if runes != nil {
			var err error
			if f.ttf, err = subsetFont(f.ttf, runes[f.weight]); err != nil {
				return typeset{}, err
			}
		}
		face, err := opentype.Parse(f.ttf)
		if err != nil {
			return typeset{}, err
		}
		faces = append(faces, font.Face{Font: font.Font{Typeface: "Liberation", Variant: "Sans", Weight: f.weight}, Face: face})
	}
	return typeset{text.Plain{Fonts: font.NewCache(faces)}}, nil
}

// runesOf is the runes that a drawing shows, by weight.
func runesOf(rec *recorder.Canvas) map[xfont.Weight][]rune {
	sets := map[xfont.Weight]map[rune]bool{xfont.WeightNormal: {}, xfont.WeightBold: {}}
	for _, a := range rec.Actions {
		if s, ok := a.(*recorder.FillString); ok {
			for _, r := range s.String {
				sets[s.Font.Weight][r] = true
			}
		}
	}
	runes := map[xfont.Weight][]rune{}
	for w, set := range sets {
		runes[w] = slices.Sorted(maps.Keys(set))
	}
	return runes
}

// Ink colours: texts in dark grey, helpers lighter, so that the curves speak.
var (
	ink   = color.RGBA{0x22, 0x22, 0x22, 0xff}
	faint = color.RGBA{0x66, 0x66, 0x66, 0xff}
	hair  = color.RGBA{0xe4, 0xe4, 0xe4, 0xff}
	rule  = color.RGBA{0x99, 0x99, 0x99, 0xff}
)

// style is a left-aligned text that stands on its point.
func (t typeset) style(size float64, c color.Color, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: c, Font: f, XAlign: draw.XLeft, YAlign: draw.YBottom, Handler: t.handler}
}
