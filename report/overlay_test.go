package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What was published is dashed in pictures and data, and a size of 0 keeps axes linear.
func TestOverlay(t *testing.T) {
	points := func(from float64) []SeriesPoint {
		return []SeriesPoint{{from, 1, "2 ms"}, {10000, 3, "6 ms"}}
	}
	all := []Overlay{
		{Name: "curves", Symbol: " x", Series: []Series{
			{Name: "ipvs", Backend: "ipvs", Points: points(100)},
			{Name: "IPVS, published", Backend: "ipvs", Published: true, Points: points(100)},
		}},
		{Name: "from-0", Symbol: " x", Series: []Series{{Name: "ipvs", Backend: "ipvs", Points: points(0)}}},
		{Name: "bars", Bars: true, Symbol: " x", Series: []Series{{Name: "published", Backend: "ipvs", Published: true, Points: points(0)[:1]}}},
	}
	dir := filepath.Join(t.TempDir(), "plots")
	paths, err := DrawOverlays(dir, all)
	if err != nil || len(paths) != 6 {
		t.Fatalf("%v: %v", paths, err)
	}
	for file, want := range map[string]bool{"curves.svg": true, "from-0.svg": false} {
		svg, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(svg), "stroke-dasharray") != want {
			t.Errorf("%s is dashed: %v, want %v", file, !want, want)
		}
	}
	figures, looks := OverlayFigures(all)
	if !figures[0].Log || figures[1].Log {
		t.Errorf("logarithmic: %v and %v, want only the first", figures[0].Log, figures[1].Log)
	}
	if got := figures[0].Panels[0].Curves[1].Points[1].Text; got != "3 x (6 ms)" {
		t.Errorf("the point says %q", got)
	}
	if len(looks) != 3 || looks[0].Dashed || !looks[1].Dashed || looks[0].Light != looks[1].Light {
		t.Errorf("looks: %+v", looks)
	}
}
