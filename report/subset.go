package report

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"golang.org/x/image/font/sfnt"
)

// subsetFont makes a TrueType font smaller: it keeps the outlines of the given
// runes and nothing else, at their own glyph numbers. An SVG that embeds two
// whole faces has 1.1 MB; with what it shows it has 40 kB. Hints, kerning and
// glyph names go, metrics and the licence's text stay.
//
// The tables are those of Apple's and Microsoft's TrueType specification,
// https://learn.microsoft.com/en-us/typography/opentype/spec/otff
func subsetFont(ttf []byte, runes []rune) ([]byte, error) {
	tables, err := fontTables(ttf)
	if err != nil {
		return nil, err
	}
	font, err := sfnt.Parse(ttf)
	if err != nil {
		return nil, err
	}
	var buf sfnt.Buffer
	glyphOf := map[rune]uint16{}
	keep := map[uint16]bool{0: true} // 0 is the box for what is missing
	for _, r := range runes {
		g, err := font.GlyphIndex(&buf, r)
		if err != nil {
			return nil, err
		}
		if g != 0 && r <= 0xffff {
			glyphOf[r] = uint16(g)
			keep[uint16(g)] = true
		}
	}
	outline, err := outlines(tables)
	if err != nil {
		return nil, err
	}
	for queue := slices.Collect(maps.Keys(keep)); len(queue) > 0; queue = queue[1:] {
		for _, part := range components(outline(queue[0])) {
			if !keep[part] {
				keep[part] = true
				queue = append(queue, part)
			}
		}
	}
	count := int(slices.Max(slices.Collect(maps.Keys(keep)))) + 1
	return assemble(map[string][]byte{
		"OS/2": tables["OS/2"],
		"name": tables["name"],
		"post": append([]byte{0, 3, 0, 0}, tables["post"][4:32]...), // format 3: no names
		"maxp": patched(tables["maxp"], 4, uint16(count)),
		"head": patched(tables["head"], 50, 1), // long offsets in loca
		"cmap": characterMap(glyphOf),
	}, tables, outline, keep, count)
}

var errFont = errors.New("not a TrueType font of the expected form")

// fontTables splits a font into its tables, and checks that those we read are
// there in full.
func fontTables(ttf []byte) (map[string][]byte, error) {
	if len(ttf) < 12 {
		return nil, errFont
	}
	tables := map[string][]byte{}
	for i := range int(binary.BigEndian.Uint16(ttf[4:])) {
		at := 12 + 16*i
		if at+16 > len(ttf) {
			return nil, errFont
		}
		offset, length := uint64(binary.BigEndian.Uint32(ttf[at+8:])), uint64(binary.BigEndian.Uint32(ttf[at+12:]))
		if offset+length > uint64(len(ttf)) {
			return nil, errFont
		}
		tables[string(ttf[at:at+4])] = ttf[offset : offset+length]
	}
	for name, length := range map[string]int{"head": 54, "hhea": 36, "maxp": 32, "post": 32, "hmtx": 4, "loca": 4, "glyf": 1, "OS/2": 1, "name": 1} {
		if len(tables[name]) < length {
			return nil, errFont
		}
	}
	return tables, nil
}

// outlines gives the outline of a glyph, empty for a space.
func outlines(tables map[string][]byte) (func(glyph uint16) []byte, error) {
	loca, glyf := tables["loca"], tables["glyf"]
	long := binary.BigEndian.Uint16(tables["head"][50:]) == 1
	offset := func(i int) int {
		if long {
			return int(binary.BigEndian.Uint32(loca[4*i:]))
		}
		return 2 * int(binary.BigEndian.Uint16(loca[2*i:]))
	}
	n := int(binary.BigEndian.Uint16(tables["maxp"][4:]))
	if width := map[bool]int{false: 2, true: 4}[long]; len(loca) < width*(n+1) {
		return nil, errFont
	}
	for i := range n {
		if offset(i) > offset(i+1) || offset(i+1) > len(glyf) {
			return nil, errFont
		}
	}
	return func(glyph uint16) []byte {
		if int(glyph) >= n {
			return nil
		}
		return glyf[offset(int(glyph)):offset(int(glyph)+1)]
	}, nil
}

// The flags of a compound glyph's part that say how long it is.
const (
	wordArguments = 1 << 0
	oneScale      = 1 << 3
	moreParts     = 1 << 5
	twoScales     = 1 << 6
	matrix        = 1 << 7
)

// components is the glyphs that an outline is put together of, such as e and ´.
func components(outline []byte) []uint16 {
	if len(outline) < 10 || outline[0] < 0x80 { // a number of contours that is not negative
		return nil
	}
	var parts []uint16
	for at := 10; at+4 <= len(outline); {
		flags := binary.BigEndian.Uint16(outline[at:])
		parts = append(parts, binary.BigEndian.Uint16(outline[at+2:]))
		at += 6
		if flags&wordArguments != 0 {
			at += 2
		}
		switch {
		case flags&oneScale != 0:
			at += 2
		case flags&twoScales != 0:
			at += 4
		case flags&matrix != 0:
			at += 8
		}
		if flags&moreParts == 0 {
			break
		}
	}
	return parts
}

// unhinted is a simple outline without its instructions, which call functions
// that the subset does not have.
func unhinted(outline []byte) []byte {
	if len(outline) < 10 || outline[0] >= 0x80 {
		return outline
	}
	at := 10 + 2*int(binary.BigEndian.Uint16(outline))
	if at+2 > len(outline) {
		return outline
	}
	after := at + 2 + int(binary.BigEndian.Uint16(outline[at:]))
	if after > len(outline) {
		return outline
	}
	return slices.Concat(outline[:at], []byte{0, 0}, outline[after:])
}

// characterMap is a cmap of format 4 with a segment for each rune.
func characterMap(glyphOf map[rune]uint16) []byte {
	runes := append(slices.Sorted(maps.Keys(glyphOf)), 0xffff) // the format wants it last
	n := len(runes)
	search := 1
	exp := 0
	for search*2 <= n {
		search *= 2
		exp++
	}
	var b []byte
	u16 := func(vs ...int) {
		for _, v := range vs {
			b = binary.BigEndian.AppendUint16(b, uint16(v))
		}
	}
	u16(0, 1, 3, 1, 0, 12) // one table, for Unicode's first plane, at offset 12
	u16(4, 16+8*n, 0, 2*n, 2*search, exp, 2*(n-search))
	for _, r := range runes {
		u16(int(r)) // ends
	}
	u16(0)
	for _, r := range runes {
		u16(int(r)) // starts
	}
	for _, r := range runes {
		if g, ok := glyphOf[r]; ok {
			u16(int(g) - int(r)) // what leads from rune to glyph, modulo 2^16
		} else {
			u16(1)
		}
	}
	for range runes {
		u16(0)
	}
	return b
}

func patched(table []byte, at int, v uint16) []byte {
	t := slices.Clone(table)
	binary.BigEndian.PutUint16(t[at:], v)
	return t
}
