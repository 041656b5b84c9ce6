package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// axes says what a figure's curves are over.
type axes string

// The axes of curves.
const (
	overSizes       axes = ""            // Axis
	overPercentiles axes = "percentiles" // how many nines a percentile has: 90 %, 99 %, 99.9 %
	overTime        axes = "time"        // when operations were due
	cumulated       axes = "cdf"         // x is the cost and y the share of operations
)

// operations are those of all repetitions at one point, together.
type operations struct {
	measurement string
	labels      []results.Label // but for the backend
	backend     string
	size        float64
	all         []*results.Histogram
}

// distributions are the pictures of single operations, of each measurement that kept
// them, at the largest number of Services that all its backends have, or the largest
// of all. Old runs have none.
func (r *Report) distributions() []figure {
	var points []*operations
	at := map[string]*operations{}
	for i := range r.results {
		res := &r.results[i]
		if res.Histogram == nil || res.Histogram.Count() == 0 {
			continue
		}
		name := res.Name()
		if at[name] == nil {
			o := &operations{measurement: res.Measurement, backend: res.Label(Column), size: axisValue(res.Label(Axis))}
			for _, l := range res.Labels {
				if l.Key != Column && l.Key != Axis {
					o.labels = append(o.labels, l)
				}
			}
			at[name] = o
			points = append(points, o)
		}
		at[name].all = append(at[name].all, res.Histogram)
	}
	var fs []figure
	for len(points) > 0 {
		m := points[0].measurement
		of := func(o *operations) bool { return o.measurement == m }
		own := slices.DeleteFunc(slices.Clone(points), func(o *operations) bool { return !of(o) })
		points = slices.DeleteFunc(points, of)
		size := sharedSize(own)
		own = slices.DeleteFunc(own, func(o *operations) bool { return o.size != size })
		fs = append(fs, r.distribution(m, size, own)...)
	}
	return fs
}

// sharedSize is the largest that every backend has, or the largest of all.
func sharedSize(points []*operations) float64 {
	backends := map[string]bool{}
	have := map[float64]map[string]bool{}
	for _, o := range points {
		backends[o.backend] = true
		if have[o.size] == nil {
			have[o.size] = map[string]bool{}
		}
		have[o.size][o.backend] = true
	}
	common, largest := math.Inf(-1), math.Inf(-1)
	for size, bs := range have {
		largest = max(largest, size)
		if len(bs) == len(backends) {
			common = max(common, size)
		}
	}
	if math.IsInf(common, -1) {
		return largest
	}
	return common
}

// distribution draws a measurement: a panel for each position, and a picture for what
// other labels differ.
func (r *Report) distribution(measurement string, size float64, points []*operations) []figure {
	var fs []figure
	var groups [][]results.Label
	split := func(o *operations) []results.Label {
		return slices.DeleteFunc(slices.Clone(o.labels), func(l results.Label) bool { return l.Key == positionKey || l.Key == "endpoints" })
	}
	for _, o := range points {
		if g := split(o); !slices.ContainsFunc(groups, func(h []results.Label) bool { return slices.Equal(g, h) }) {
			groups = append(groups, g)
		}
	}
	for _, g := range groups {
		own := slices.DeleteFunc(slices.Clone(points), func(o *operations) bool { return !slices.Equal(split(o), g) })
		q := quantityOf(results.Unit{Name: own[0].all[0].Unit})
		for _, over := range []axes{overPercentiles, cumulated} {
			f := figure{q: q, over: over, better: results.Lower}
			slug := []string{words(measurement)}
			for _, l := range g {
				slug = append(slug, l.Value)
			}
			f.name = slugOf(append(slug, string(over)))
			f.title, f.yTitle = words(measurement)+" by percentile", q.axis()+" of one operation"
			if over == cumulated {
				f.title, f.yTitle = words(measurement)+", cumulated", "share of operations that cost no more"
			}
			f.subtitle = fmt.Sprintf("%s Services  ·  %s", si.short(size), caption(g))
			f.log = f.panelsOf(own)
			f.backends(own)
			fs = append(fs, f)
		}
	}
	return fs
}

const positionKey = "position"

// panelsOf makes a panel for each other value of the points, and says whether costs
// span so much that their axis is logarithmic.
func (f *figure) panelsOf(points []*operations) bool {
	lo, hi := math.Inf(1), 0.0
	var titles []string
	for _, o := range points {
		title := caption(slices.DeleteFunc(slices.Clone(o.labels), func(l results.Label) bool { return l.Key != positionKey && l.Key != "endpoints" }))
		i := slices.Index(titles, title)
		if i < 0 {
			i = len(titles)
			titles = append(titles, title)
			f.panels = append(f.panels, panel{title: title})
		}
		c := curve{backend: o.backend, points: curveOf(f.over, results.Merged(o.all), f.q.factor)}
		for _, p := range c.points {
			v := p.Y
			if f.over == cumulated {
				v = p.X
			}
			lo, hi = min(lo, v), max(hi, v)
		}
		f.panels[i].curves = append(f.panels[i].curves, c)
	}
	return lo > 0 && hi > 8*lo
}

// curveOf is a step at each value that occurs. Over percentiles the last operation has
// none: it stands where the next percentile that the number of operations can tell is.
func curveOf(over axes, h *results.Histogram, factor float64) []stats.Point {
	var points []stats.Point
	n := float64(h.Count())
	before := 0.0
	for _, b := range h.Bars() {
		v, upto := float64(b.Value)*factor, before+float64(b.Count)
		from, to := before/n, upto/n
		if over == cumulated {
			points = append(points, stats.Point{X: v, Y: from}, stats.Point{X: v, Y: to})
		} else {
			points = append(points, stats.Point{X: nines(from, n), Y: v}, stats.Point{X: nines(to, n), Y: v})
		}
		before = upto
	}
	return points
}

// nines is how many nines a share has, of n operations: 0.99 has two.
func nines(share, n float64) float64 { return -math.Log10(max(1-share, 1/(2*n))) }

// backends makes the legend: what each backend's operations say at the last panel.
func (f *figure) backends(points []*operations) {
	lost := false
	for _, o := range points {
		h := results.Merged(o.all)
		i := slices.IndexFunc(f.legend, func(e legendEntry) bool { return e.backend == o.backend })
		if i < 0 {
			i = len(f.legend)
			f.legend = append(f.legend, legendEntry{backend: o.backend})
		}
		p50, _ := h.Quantile(0.5)
		p99, lost99 := h.Quantile(0.99)
		at := ""
		if lost99 {
			at = "≥ "
		}
		f.legend[i].detail = fmt.Sprintf("p50 %s, p99 %s%s", f.q.slope(float64(p50)), at, f.q.slope(float64(p99)))
		f.legend[i].failed = fmt.Sprintf("of %d", h.Count())
		if h.Lost > 0 {
			lost = true
			f.legend[i].failed = fmt.Sprintf("of %d, %d lost", h.Count(), h.Lost)
		}
	}
	if last := f.panels[len(f.panels)-1].title; len(f.panels) > 1 {
		f.heading = "figures at " + last
	}
	if lost {
		f.note = "Lost operations count as the timeout, the least that they took."
	}
}
