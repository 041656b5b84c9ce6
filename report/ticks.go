package report

import (
	"math"

	"gonum.org/v1/plot"
)

// linearTicks are a few round values from 0, with their prefix.
type linearTicks struct {
	scale  scale
	symbol string
	most   int // ticks
}

func (t linearTicks) Ticks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	step := t.step(hi - lo)
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi*(1+1e-9); i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: tickLabel(t.scale, t.symbol, i*step)})
	}
	return ticks
}

// step is the smallest round step that needs no more than most ticks. Round is
// 1, 2 or 5 times a power of ten, and for bytes a power of two.
func (t linearTicks) step(span float64) float64 {
	if !(span > 0) {
		return 1
	}
	rough := span / float64(t.most)
	if t.scale.base == 1024 {
		return math.Pow(2, math.Ceil(math.Log2(rough)))
	}
	ten := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if m*ten >= rough {
			return m * ten
		}
	}
	return 10 * ten
}

func tickLabel(s scale, symbol string, v float64) string {
	if v == 0 {
		return "0"
	}
	return s.short(v) + symbol
}

// logTicks are powers of ten, and small ticks between them when there is room,
// with labels at 2 and 5 on a short axis; for bytes powers of 4 or 16.
type logTicks struct {
	scale  scale
	symbol string
}

func (t logTicks) Ticks(lo, hi float64) []plot.Tick {
	base := 10.0
	if t.scale.base == 1024 {
		base = 4
		if hi/lo > 1<<16 {
			base = 16
		}
	}
	first, last := math.Floor(math.Log(lo)/math.Log(base)), math.Ceil(math.Log(hi)/math.Log(base))
	var ticks []plot.Tick
	for e := first; e <= last; e++ {
		v := math.Pow(base, e)
		if in(v, lo, hi) {
			ticks = append(ticks, plot.Tick{Value: v, Label: tickLabel(t.scale, t.symbol, v)})
		}
		if base == 10 && last-first <= 5 {
			for m := 2.0; m < 10; m++ {
				if !in(m*v, lo, hi) {
					continue
				}
				tick := plot.Tick{Value: m * v}
				if hi/lo < 100 && (m == 2 || m == 5) { // there may be one power of ten or none
					tick.Label = tickLabel(t.scale, t.symbol, m*v)
				}
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

func in(v, lo, hi float64) bool { return v >= lo*(1-1e-9) && v <= hi*(1+1e-9) }

// sizeTicks are the measured sizes themselves, on a logarithmic axis; those
// that would touch the one before stay without a label.
type sizeTicks []float64

func (xs sizeTicks) Ticks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	last := math.Inf(-1)
	for _, x := range xs {
		tick := plot.Tick{Value: x}
		if at := math.Log(x/lo) / math.Log(hi/lo); at-last > 0.08 {
			tick.Label = si.short(x)
			last = at
		}
		ticks = append(ticks, tick)
	}
	return ticks
}
