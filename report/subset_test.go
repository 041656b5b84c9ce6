package report

import (
	"reflect"
	"testing"

	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// What the subset shows, it shows as the whole font does: the same outlines,
// composed ones too, at the same widths; nothing else is in it.
func TestSubsetFont(t *testing.T) {
	whole := liberationsansregular.TTF
	data, err := subsetFont(whole, []rune("aé µ²…O(n)\U0001f600"))
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > len(whole)/10 {
		t.Errorf("the subset has %d bytes of %d", len(data), len(whole))
	}
	a, err := sfnt.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	b, err := sfnt.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	const size = fixed.Int26_6(64 * 20)
	for _, r := range "aé µ²…O(n)" {
		segA, widthA := glyph(t, a, r, size)
		segB, widthB := glyph(t, b, r, size)
		if len(segA) == 0 && r != ' ' {
			t.Errorf("%c is not in the whole font", r)
		}
		if !reflect.DeepEqual(segA, segB) || widthA != widthB {
			t.Errorf("%c looks different", r)
		}
	}
	var buf sfnt.Buffer
	if g, err := b.GlyphIndex(&buf, 'z'); err != nil || g != 0 {
		t.Errorf("z is in the subset: %v, %v", g, err)
	}
	nameA, err := a.Name(&buf, sfnt.NameIDFamily)
	if err != nil {
		t.Fatal(err)
	}
	if nameB, err := b.Name(&buf, sfnt.NameIDFamily); err != nil || nameA != nameB {
		t.Errorf("the family is %q, not %q: %v", nameB, nameA, err)
	}
	if fontSum(data) != 0xb1b0afba {
		t.Errorf("the file's checksum is %#x", fontSum(data))
	}
}

func glyph(t *testing.T, f *sfnt.Font, r rune, size fixed.Int26_6) (sfnt.Segments, fixed.Int26_6) {
	t.Helper()
	var buf sfnt.Buffer
	g, err := f.GlyphIndex(&buf, r)
	if err != nil {
		t.Fatal(err)
	}
	segs, err := f.LoadGlyph(&buf, g, size, nil)
	if err != nil {
		t.Fatal(err)
	}
	width, err := f.GlyphAdvance(&buf, g, size, font.HintingNone)
	if err != nil {
		t.Fatal(err)
	}
	return append(sfnt.Segments{}, segs...), width
}

func TestSubsetFontOfNoFont(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("ttf"), make([]byte, 100), liberationsansregular.TTF[:5000]} {
		if _, err := subsetFont(data, []rune("a")); err == nil {
			t.Errorf("%d bytes were taken for a font", len(data))
		}
	}
}
