package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/svcmark/svcmark/results"
)

// timed is one backend's timeline, of its first repetition.
type timed struct {
	backend string
	size    float64
	labels  []results.Label // but for the backend and the size
	*results.Timeline
}

// timelines are the pictures of operations over time with the syncs beside them, a
// panel for each backend, at the largest number of Services that all of them have. What
// was measured without any sync has no picture.
func (r *Report) timelines() []figure {
	var all []timed
	seen := map[string]bool{}
	for i := range r.results {
		res := &r.results[i]
		if res.Timeline == nil || len(res.Timeline.Syncs) == 0 || len(res.Timeline.Operations) == 0 || seen[res.Name()] {
			continue
		}
		seen[res.Name()] = true
		t := timed{backend: res.Label(Column), size: axisValue(res.Label(Axis)), Timeline: res.Timeline}
		t.labels = append(t.labels, results.Label{Key: measurementKey, Value: res.Measurement})
		for _, l := range res.Labels {
			if l.Key != Column && l.Key != Axis {
				t.labels = append(t.labels, l)
			}
		}
		all = append(all, t)
	}
	var fs []figure
	for len(all) > 0 {
		same := func(t timed) bool { return slices.Equal(t.labels, all[0].labels) }
		var own []timed
		for _, t := range all {
			if same(t) {
				own = append(own, t)
			}
		}
		all = slices.DeleteFunc(slices.Clone(all), same)
		var sizes []*operations
		for _, t := range own {
			sizes = append(sizes, &operations{backend: t.backend, size: t.size})
		}
		size := sharedSize(sizes)
		fs = append(fs, timelineFigure(size, slices.DeleteFunc(own, func(t timed) bool { return t.size != size })))
	}
	return fs
}

// measurementKey is no label that a result can have.
const measurementKey = ""

func timelineFigure(size float64, own []timed) figure {
	measurement, group := own[0].labels[0].Value, own[0].labels[1:]
	f := figure{q: quantityOf(results.Unit{Name: own[0].Unit}), over: overTime, better: results.Lower}
	slug := []string{words(measurement), "timeline"}
	for _, l := range group {
		slug = append(slug, l.Value)
	}
	f.name = slugOf(slug)
	f.title = words(measurement) + ", one by one"
	f.yTitle = f.q.axis() + " from when it was due"
	f.subtitle = fmt.Sprintf("%s Services  ·  %s", si.short(size), caption(group))
	f.note = "Grey: a sync runs. Crosses: nobody answered, or the wrong one did."
	for _, t := range own {
		f.panels = append(f.panels, panel{title: t.backend, timeline: t.Timeline})
		slowest, bad := int64(0), 0
		for _, o := range t.Operations {
			if o.Outcome != results.Answered {
				bad++
			}
			if o.Outcome != results.Lost && o.Outcome != results.Refused {
				slowest = max(slowest, o.Took)
			}
		}
		e := legendEntry{backend: t.backend, detail: "slowest answer " + f.q.slope(float64(slowest)), failed: fmt.Sprintf("of %d", t.Total)}
		if bad > 0 {
			e.failed = fmt.Sprintf("of %d, %d not right", t.Total, bad)
		}
		f.legend = append(f.legend, e)
	}
	return f
}

// took is the range of what operations took in all panels, which is not empty.
func (f *figure) took() (lo, hi float64) {
	lo, hi = math.Inf(1), 0
	for _, p := range f.panels {
		for _, o := range p.timeline.Operations {
			v := float64(max(o.Took, 1)) * f.q.factor
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	return lo, hi
}
