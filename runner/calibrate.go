package runner

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/svcmark/svcmark/results"
)

// A calibration takes a tenth of the run's cells' number, of the smallest cell, within
// bounds: fewer say nothing, and with more all halves are too many to go through.
const (
	leastCalibration = 6
	mostCalibration  = 12
)

// calibrate measures the smallest of the cells again and again. The first is a warm-up:
// it fills the page cache with the tools, and wakes the CPUs. A machine on which the
// smallest cell cannot be measured has no calibration, and the run says why.
func (r *run) calibrate(ctx context.Context, cells []cell) error {
	keep := func(c results.Calibration) error {
		return r.writer.Observe(func(m *results.Meta) { m.Calibrations = append(m.Calibrations, c) })
	}
	if !r.Calibrate {
		return keep(results.Calibration{Skipped: "it was not wanted"})
	}
	smallest := slices.MinFunc(cells, func(a, b cell) int { return cmp.Compare(a.prior(), b.prior()) })
	n := min(max(len(cells)/10, leastCalibration), mostCalibration) &^ 1
	var first []results.Result
	all := map[figureKey][]float64{}
	for i := range n + 1 {
		got, err := r.measure(ctx, smallest)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return keep(results.Calibration{Skipped: fmt.Sprintf("%s failed: %v", smallest.key(), err)})
		}
		if i == 0 {
			first = got.Results
			continue
		}
		for k, v := range figuresOf(got.Results) {
			all[k] = append(all[k], v)
		}
	}
	c := results.Calibration{Cell: smallest.key(), Runs: n}
	for k, v := range figuresOf(first) {
		if m := median(all[k]); m > 0 {
			c.WarmUp = deviate(c.WarmUp, k, math.Abs(v-m)/m)
		}
	}
	for k, values := range all {
		if m := median(values); m > 0 && len(values) == n {
			c.Floors = deviate(c.Floors, k, noise(values)/m)
		}
	}
	for _, ds := range [][]results.Deviation{c.WarmUp, c.Floors} {
		slices.SortFunc(ds, func(a, b results.Deviation) int {
			return cmp.Or(cmp.Compare(a.Measurement, b.Measurement), cmp.Compare(a.Unit, b.Unit))
		})
	}
	return keep(c)
}

// figureKey tells a cell's figures apart.
type figureKey struct{ measurement, name, unit string }

func figuresOf(rs []results.Result) map[figureKey]float64 {
	figures := map[figureKey]float64{}
	for i := range rs {
		for _, s := range rs[i].Samples {
			figures[figureKey{rs[i].Measurement, rs[i].Name(), s.Unit}] = s.Value
		}
	}
	return figures
}

// deviate keeps the largest share of a measurement's unit.
func deviate(ds []results.Deviation, k figureKey, share float64) []results.Deviation {
	for i := range ds {
		if ds[i].Measurement == k.measurement && ds[i].Unit == k.unit {
			ds[i].Share = max(ds[i].Share, share)
			return ds
		}
	}
	return append(ds, results.Deviation{Measurement: k.measurement, Unit: k.unit, Share: share})
}

// noise is how far the medians of two halves of the values are apart, at most, in 99 of
// 100 ways to halve them: nothing differs, so the order tells nothing and any halves
// could have been the two sides of a comparison.
func noise(values []float64) float64 {
	n := len(values)
	var apart []float64
	for half := range uint(1) << n {
		if bits.OnesCount(half) != n/2 {
			continue
		}
		var a, b []float64
		for i, v := range values {
			if half&(1<<i) != 0 {
				a = append(a, v)
			} else {
				b = append(b, v)
			}
		}
		apart = append(apart, math.Abs(median(a)-median(b)))
	}
	slices.Sort(apart)
	return apart[int(math.Ceil(0.99*float64(len(apart))))-1]
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
