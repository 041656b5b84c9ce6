package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func plots(t *testing.T, r *Report) (dir string, names []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "plots")
	if to := os.Getenv("SVCMARK_PLOTS"); to != "" { // to look at them
		dir = filepath.Join(to, strings.ReplaceAll(t.Name(), "/", "_"))
	}
	paths, err := r.Plots(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	return dir, names
}

func TestPlots(t *testing.T) {
	r, err := Build(invented(t))
	if err != nil {
		t.Fatal(err)
	}
	dir, names := plots(t, r)
	want := []string{
		"sync.png", "sync.svg", "first-packet-tcp.png", "first-packet-tcp.svg", "first-packet-udp.png", "first-packet-udp.svg",
		"round-trip.png", "round-trip.svg", "cpu.png", "cpu.svg", "memory.png", "memory.svg",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got %q\nwant %q", names, want)
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".svg") {
			golden(t, name, withoutFonts(data))
			checkXML(t, name, data)
			continue
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if img.Bounds().Dx() != 1600 {
			t.Errorf("%s is %v", name, img.Bounds())
		}
		if !inMargin(img) {
			t.Errorf("%s: something is drawn in the margin", name)
		}
	}
	// Byte for byte the same, drawn again.
	again := t.TempDir()
	if _, err := r.Plots(again); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		a, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(again, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s is drawn differently the second time", name)
		}
	}
}

// inMargin tells whether the picture's outermost pixels are white: whatever is
// too large for its place ends there.
func inMargin(img image.Image) bool {
	b := img.Bounds()
	const edge = 20
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if x >= b.Min.X+edge && x < b.Max.X-edge && y >= b.Min.Y+edge && y < b.Max.Y-edge {
				continue
			}
			if r, g, b, _ := img.At(x, y).RGBA(); r != 0xffff || g != 0xffff || b != 0xffff {
				return false
			}
		}
	}
	return true
}

// withoutFonts leaves the embedded fonts out, which no one can read in a diff.
func withoutFonts(svg []byte) []byte {
	var out [][]byte
	for _, line := range bytes.Split(svg, []byte("\n")) {
		if !bytes.Contains(line, []byte("src: url(data:font")) {
			out = append(out, line)
		}
	}
	return bytes.Join(out, []byte("\n"))
}

func checkXML(t *testing.T, name string, data []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
	}
}

func TestPlotsUnwritable(t *testing.T) {
	r, err := Build(invented(t))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Plots(file); err == nil || !strings.Contains(err.Error(), "cannot draw plots") {
		t.Errorf("got %v", err)
	}
}

// A name keeps its look whatever it is drawn with, and known ones never share.
func TestLooks(t *testing.T) {
	all := looksOf(append([]string{"zebra"}, known...))
	alone := looksOf([]string{"ipvs", "zebra"})
	if all["ipvs"] != alone["ipvs"] {
		t.Error("ipvs looks different in different company")
	}
	if a, b := looksOf([]string{"x", "zebra"}), looksOf([]string{"zebra", "x", "ipvs"}); a["zebra"] != b["zebra"] {
		t.Error("zebra depends on the order")
	}
	seen := map[look]string{}
	for name, lk := range all {
		if other, ok := seen[lk]; ok {
			t.Errorf("%s and %s look alike", name, other)
		}
		seen[lk] = name
	}
	many := slices.Clone(known)
	for i := len(many); i < 2*len(looks); i++ {
		many = append(many, fmt.Sprintf("ipvs-%d", i))
	}
	seen = map[look]string{}
	for name, lk := range looksOf(many) {
		if other, ok := seen[lk]; ok {
			t.Errorf("of %d, %s and %s look alike", len(many), name, other)
		}
		seen[lk] = name
	}
	if got := looksOf(append(many, "one more", "and another")); len(got) != len(many)+2 {
		t.Errorf("with too many backends: %v", got)
	}
}
