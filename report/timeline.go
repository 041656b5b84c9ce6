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
	of      int             // how many repetitions have one
	*results.Timeline
}

// label is the value of a label, or "".
func (t *timed) label(key string) string {
	for _, l := range t.labels {
		if l.Key == key {
			return l.Value
		}
	}
	return ""
}

// timelines are the pictures of operations over time with the syncs beside them, a
// panel for each backend, at the largest number of Services that all of them have. What
// was measured without any sync has no picture.
func (r *Report) timelines() []figure {
	synced := slices.DeleteFunc(r.timed(), func(t timed) bool { return len(t.Syncs) == 0 })
	var fs []figure
	for _, own := range grouped(synced, "") {
		fs = append(fs, timelineFigure(own, ""))
	}
	return fs
}

// timed are the results' timelines that have operations.
func (r *Report) timed() []timed {
	var all []timed
	seen := map[string]int{} // by name, the place in all
	for i := range r.results {
		res := &r.results[i]
		if res.Timeline == nil || len(res.Timeline.Operations) == 0 {
			continue
		}
		if first, again := seen[res.Name()]; again {
			all[first].of++
			continue
		}
		seen[res.Name()] = len(all)
		t := timed{backend: res.Label(Column), size: axisValue(res.Label(Axis)), of: 1, Timeline: res.Timeline}
		t.labels = append(t.labels, results.Label{Key: measurementKey, Value: res.Measurement})
		for _, l := range res.Labels {
			if l.Key != Column && l.Key != Axis {
				t.labels = append(t.labels, l)
			}
		}
		all = append(all, t)
	}
	return all
}

// grouped are those together that have the same labels but for one, each group at the
// size that its backends share.
func grouped(all []timed, but string) [][]timed {
	var groups [][]timed
	for len(all) > 0 {
		labels := without(all[0].labels, but)
		same := func(t timed) bool { return slices.Equal(without(t.labels, but), labels) }
		own := slices.DeleteFunc(slices.Clone(all), func(t timed) bool { return !same(t) })
		all = slices.DeleteFunc(slices.Clone(all), same)
		var sizes []*operations
		for _, t := range own {
			sizes = append(sizes, &operations{backend: t.backend, size: t.size})
		}
		size := sharedSize(sizes)
		groups = append(groups, slices.DeleteFunc(own, func(t timed) bool { return t.size != size }))
	}
	return groups
}

func without(labels []results.Label, key string) []results.Label {
	return slices.DeleteFunc(slices.Clone(labels), func(l results.Label) bool { return key != "" && l.Key == key })
}

// measurementKey is no label that a result can have.
const measurementKey = ""

// timelineFigure is a group's, which are the same but for one label.
func timelineFigure(own []timed, but string) figure {
	measurement, group := own[0].labels[0].Value, without(own[0].labels[1:], but)
	f := figure{q: quantityOf(results.Unit{Name: own[0].Unit}), over: overTime, better: results.Lower}
	slug := []string{words(measurement), "timeline"}
	for _, l := range group {
		slug = append(slug, l.Value)
	}
	f.name = slugOf(slug)
	f.title = words(measurement) + ", one by one"
	f.yTitle = f.q.axis() + " from when it was due"
	f.subtitle = fmt.Sprintf("%s Services  ·  %s", si.short(own[0].size), caption(group))
	f.note = "Grey: a sync runs. Crosses: nobody answered, or the wrong one did." + firstOf(own)
	for _, t := range own {
		f.panels = append(f.panels, panel{title: t.backend, timeline: t.Timeline})
		f.legend = append(f.legend, f.told(t.backend, []*results.Timeline{t.Timeline}))
	}
	return f
}

// firstOf says that there are more repetitions than the one that is drawn.
func firstOf(own []timed) string {
	most := 1
	for _, t := range own {
		most = max(most, t.of)
	}
	if most == 1 {
		return ""
	}
	return fmt.Sprintf(" The first of %d repetitions.", most)
}

// told is what the legend says of a backend's timelines.
func (f *figure) told(backend string, of []*results.Timeline) legendEntry {
	slowest, bad, total := int64(0), 0, 0
	for _, t := range of {
		total, bad = total+t.Total, bad+wrongs(t.Operations)
		for _, o := range t.Operations {
			if o.Outcome != results.Lost && o.Outcome != results.Refused {
				slowest = max(slowest, o.Took)
			}
		}
	}
	e := legendEntry{backend: backend, detail: "slowest answer " + f.q.slope(float64(slowest)), failed: fmt.Sprintf("of %d", total)}
	if bad > 0 {
		e.failed = fmt.Sprintf("of %d, %d not right", total, bad)
	}
	return e
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
