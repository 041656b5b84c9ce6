package report

import (
	"encoding/binary"
	"maps"
	"slices"
)

// assemble writes the font file: the tables made so far, and outlines and
// widths of the first count glyphs, empty where they are not kept.
func assemble(made, old map[string][]byte, outline func(uint16) []byte, keep map[uint16]bool, count int) ([]byte, error) {
	var glyf, loca, hmtx []byte
	metrics := int(binary.BigEndian.Uint16(old["hhea"][34:]))
	if metrics < 1 || len(old["hmtx"]) < 4*metrics {
		return nil, errFont
	}
	for g := range count {
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
		if keep[uint16(g)] {
			glyf = padded(append(glyf, unhinted(outline(uint16(g)))...))
		}
		width := old["hmtx"][4*min(g, metrics-1):]
		hmtx = append(hmtx, width[:4]...)
	}
	made["glyf"], made["hmtx"] = glyf, hmtx
	made["loca"] = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
	made["hhea"] = patched(old["hhea"], 34, uint16(count))

	names := slices.Sorted(maps.Keys(made))
	n := len(names)
	search, exp := 1, 0
	for search*2 <= n {
		search *= 2
		exp++
	}
	file := []byte{0, 1, 0, 0}
	for _, v := range []int{n, 16 * search, exp, 16 * (n - search)} {
		file = binary.BigEndian.AppendUint16(file, uint16(v))
	}
	binary.BigEndian.PutUint32(made["head"][8:], 0) // the whole file's sum is taken without itself
	at := len(file) + 16*n
	headAt := 0
	var body []byte
	for _, name := range names {
		t := made[name]
		if name == "head" {
			headAt = at + len(body)
		}
		file = append(file, name...)
		file = binary.BigEndian.AppendUint32(file, fontSum(t))
		file = binary.BigEndian.AppendUint32(file, uint32(at+len(body)))
		file = binary.BigEndian.AppendUint32(file, uint32(len(t)))
		body = padded(append(body, t...))
	}
	file = append(file, body...)
	binary.BigEndian.PutUint32(file[headAt+8:], 0xb1b0afba-fontSum(file))
	return file, nil
}

// padded is b with zeros up to a multiple of four.
func padded(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// fontSum adds up 32-bit words.
func fontSum(b []byte) uint32 {
	var sum uint32
	for b = padded(slices.Clone(b)); len(b) > 0; b = b[4:] {
		sum += binary.BigEndian.Uint32(b)
	}
	return sum
}
