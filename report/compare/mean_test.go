package compare

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/results"
)

// Of exact figures the mean is exact, and says how far the points are apart.
func TestMeanOfExactFigures(t *testing.T) {
	c := compared(t, made("virtual", 1, same), made("virtual", 1, func(r *results.Result, _ string, v float64) float64 {
		if r.Measurement != "Sync" {
			return v
		}
		return v * map[string]float64{"10": 1, "100": 1.1, "1000": 1.2, "5000": 2}[r.Label("services")]
	}))
	want := math.Pow(1.1*1.2*2, 0.25) - 1
	m := c.Means[0]
	if m.Measurement != "Sync" || m.Points != 4 || math.Abs(m.Change-want) > 1e-9 || m.Lo != m.Change || m.Hi != m.Change || !m.Exact || m.Least != 0 || m.Most != 1 {
		t.Errorf("%+v, want a change of %v", m, want)
	}
	var table, markdown, machine bytes.Buffer
	if err := c.Text(&table, false); err != nil {
		t.Fatal(err)
	}
	if err := c.Markdown(&markdown, false); err != nil {
		t.Fatal(err)
	}
	if want := "| Sync | insns/op | flat | 4 | +27.47 % | exact | 0 to +100.00 % |"; !strings.Contains(markdown.String(), want) || !strings.Contains(table.String(), "exact          0 to +100.00 %") {
		t.Errorf("want %s in\n%s\n%s", want, table.String(), markdown.String())
	}
	if err := c.JSON(&machine); err != nil {
		t.Fatal(err)
	}
	var read struct {
		Means []struct{ Change, Lo, Hi, Least, Most float64 }
	}
	if err := json.Unmarshal(machine.Bytes(), &read); err != nil || len(read.Means) != len(c.Means) || read.Means[0].Most != 1 || read.Means[0].Lo != m.Change {
		t.Errorf("%v: %+v", err, read)
	}
}

// Of noisy figures the interval holds the true change as often as it says: always where
// points err each by itself, and still where all err together.
func TestMeanOfNoisyFigures(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	const trials, truth = 400, 0.1
	for _, together := range []bool{false, true} {
		held, width := 0, 0.0
		for range trials {
			side := func(by float64) *results.Run {
				slow, seen := map[int]float64{}, map[string]int{}
				return made("wall", 8, func(r *results.Result, unit string, v float64) float64 {
					name := r.Name() + unit
					n := seen[name]
					seen[name]++
					if !together {
						return v * by * math.Exp(0.1*random.NormFloat64())
					}
					if _, there := slow[n]; !there {
						slow[n] = math.Exp(0.1 * random.NormFloat64())
					}
					return v * by * slow[n]
				})
			}
			m := compared(t, side(1), side(1+truth)).Means[0]
			if m.Exact || m.Points != 4 || m.Least > m.Change+1e-9 || m.Most < m.Change-1e-9 {
				t.Fatalf("%+v", m)
			}
			if m.Lo <= truth && truth <= m.Hi {
				held++
			}
			width += (m.Hi - m.Lo) / trials
		}
		got := float64(held) / trials
		t.Logf("all together %v: held %.3f, %.3f wide", together, got, width)
		if got < 0.92 || (together && got > 0.99) {
			t.Errorf("all together %v: the interval holds the truth %.3f of the time", together, got)
		}
	}
}

// Too few repetitions have no interval, in any format.
func TestMeanOfFew(t *testing.T) {
	c := compared(t, made("wall", 3, same), made("wall", 3, same))
	m := c.Means[0]
	if m.interval() != "none" || m.Change != 0 {
		t.Errorf("%+v: %s", m, m.interval())
	}
	var b bytes.Buffer
	if err := c.JSON(&b); err != nil || !strings.Contains(b.String(), `"means"`) || strings.Contains(b.String(), `"lo"`) {
		t.Errorf("%v\n%s", err, b.String())
	}
}
