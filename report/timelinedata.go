package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/svcmark/svcmark/results"
)

// Timeline is one backend's operations as they were due, phase after phase. All times
// are of the run's unit; Factor makes the figure's of them.
type Timeline struct {
	Backend string  `json:"backend"`
	Factor  float64 `json:"factor"`
	Phases  []Phase `json:"phases"`
}

// Phase is what was measured under one value of phaseKey, or all of it where there are none.
type Phase struct {
	Name  string     `json:"name"`
	Syncs []TimeSpan `json:"syncs"`
	// Operations are those that are drawn, by outcome: when each was due and what it took,
	// one after the other.
	Operations map[results.Outcome][]int64 `json:"operations"`
}

// TimeSpan is when a sync was made.
type TimeSpan struct {
	Name string `json:"name"`
	From int64  `json:"from"`
	To   int64  `json:"to"`
}

// phaseKey is the label of what was done while operations were measured.
const phaseKey = "phase"

// drawnOperations is how many operations all figures of a document have at most: some
// 22 bytes each, and so less than half a megabyte.
const drawnOperations = 20000

// timelineData are the timelines for another painter: unlike in a plot, which has a
// phase, phases follow one another, as they did in the measurement. Of more than most
// operations in all figures some are left out (see thinned).
func (r *Report) timelineData(most int) []Figure {
	groups := grouped(r.timed(), phaseKey)
	groups = slices.DeleteFunc(groups, func(own []timed) bool {
		return !slices.ContainsFunc(own, func(t timed) bool { return len(t.Syncs) > 0 })
	})
	var sizes []int
	for _, own := range groups {
		for _, t := range own {
			sizes = append(sizes, len(t.Operations))
		}
	}
	each := fairShare(sizes, most)
	var fs []Figure
	for _, own := range groups {
		fs = append(fs, timelinesOf(own, each))
	}
	return fs
}

// fairShare is the most that each can have where all together have room for so many, and
// those that need less leave the rest to others.
func fairShare(sizes []int, room int) int {
	slices.Sort(sizes)
	for i, n := range sizes {
		share := room / (len(sizes) - i)
		if n > share {
			return share
		}
		room -= n
	}
	return math.MaxInt
}

// timelinesOf is the figure of one group, with at most most operations a phase.
func timelinesOf(own []timed, most int) Figure {
	f := timelineFigure(own, phaseKey)
	f.log = true
	var backends []string
	for _, t := range own {
		backends = union(backends, []string{t.backend})
	}
	table := Section{Header: []string{
		"backend", phaseKey, "operations", string(results.Answered), string(results.Stale), string(results.Misdirected), string(results.Refused), string(results.Lost),
		"slowest answer", "due at", "syncs", "drawn",
	}}
	var panels []Panel
	all, drawn, allWrong, wrong := 0, 0, 0, 0
	f.legend = nil
	for _, b := range backends {
		line := &Timeline{Backend: b, Factor: f.q.factor}
		var phases []*results.Timeline
		for _, t := range own {
			if t.backend != b {
				continue
			}
			kept := thinned(t.Operations, most)
			all, drawn = all+t.Total, drawn+len(kept)
			allWrong, wrong = allWrong+wrongs(t.Operations), wrong+wrongs(kept)
			line.Phases = append(line.Phases, phaseOf(t, kept))
			table.Rows = append(table.Rows, f.row(t, len(kept)))
			phases = append(phases, t.Timeline)
		}
		panels = append(panels, Panel{Title: b, Curves: []Curve{}, Bars: []Bar{}, Timeline: line})
		e := f.told(b, phases)
		if !slices.ContainsFunc(phases, func(t *results.Timeline) bool { return wrongs(t.Operations) > 0 }) {
			e.detail, e.failed = e.detail+" "+e.failed, "" // nothing to warn of
		}
		f.legend = append(f.legend, e)
	}
	f.note = "Shaded: a sync runs. What nobody answered stands where it was given up. Each panel has its own time axis." + firstOf(own)
	if drawn < all {
		f.note += fmt.Sprintf(" %d of %d operations are drawn: of those that were answered right the slowest, and one in so many of the others.", drawn, all)
	}
	if wrong < allWrong {
		f.note += fmt.Sprintf(" Of %d that were not answered right %d are.", allWrong, wrong)
	}
	f.panels = nil
	out := f.data()
	out.Timelines, out.Panels, out.Table = true, panels, table
	return out
}

// row says in figures what a phase's panel shows.
func (f *figure) row(t timed, drawn int) []string {
	count := map[results.Outcome]int{}
	var slowest *results.Operation
	for i, o := range t.Operations {
		count[o.Outcome]++
		if o.Outcome != results.Lost && o.Outcome != results.Refused && (slowest == nil || o.Took > slowest.Took) {
			slowest = &t.Operations[i]
		}
	}
	count[results.Answered] += t.Total - len(t.Operations) // only such are left out
	phase := t.label(phaseKey)
	if phase == "" {
		phase = "–"
	}
	row := []string{t.backend, phase, strconv.Itoa(t.Total)}
	for _, o := range []results.Outcome{results.Answered, results.Stale, results.Misdirected, results.Refused, results.Lost} {
		row = append(row, strconv.Itoa(count[o]))
	}
	took, due := "–", "–"
	if slowest != nil {
		took, due = f.q.value(float64(slowest.Took)), f.q.value(float64(slowest.Due))
	}
	return append(row, took, due, strconv.Itoa(len(t.Syncs)), strconv.Itoa(drawn))
}

func phaseOf(t timed, kept []results.Operation) Phase {
	p := Phase{Name: t.label(phaseKey), Syncs: []TimeSpan{}, Operations: map[results.Outcome][]int64{}}
	for _, s := range t.Syncs {
		p.Syncs = append(p.Syncs, TimeSpan{s.Name, s.From, s.To})
	}
	for _, o := range kept {
		p.Operations[o.Outcome] = append(p.Operations[o.Outcome], o.Due, o.Took)
	}
	return p
}

func wrongs(operations []results.Operation) int {
	n := 0
	for _, o := range operations {
		if o.Outcome != results.Answered {
			n++
		}
	}
	return n
}

// thinned leaves most of the operations, or fewer. Those that were not answered right are kept
// unless they alone are more than half of most. Of the room that they leave, the slowest
// have half, and of the others one in so many has the rest.
func thinned(operations []results.Operation, most int) []results.Operation {
	if len(operations) <= most {
		return operations
	}
	wrong := wrongs(operations)
	keptWrong := min(wrong, most/2)
	room := most - keptWrong
	var took []int64
	for _, o := range operations {
		if o.Outcome == results.Answered {
			took = append(took, o.Took)
		}
	}
	slices.Sort(took)
	slow := int64(-1) // slower ones are kept
	if n := len(took) - room/2; n > 0 {
		slow = took[n-1]
	}
	quick, _ := slices.BinarySearch(took, slow+1)
	keptQuick := min(quick, room-room/2)
	var kept []results.Operation
	i, j := 0, 0
	for _, o := range operations {
		switch {
		case o.Outcome != results.Answered:
			i++
			if !chosen(i, wrong, keptWrong) {
				continue
			}
		case o.Took <= slow:
			j++
			if !chosen(j, quick, keptQuick) {
				continue
			}
		}
		kept = append(kept, o)
	}
	return kept
}

// chosen chooses kept of n evenly, by their places from 1.
func chosen(place, n, kept int) bool { return place*kept/n > (place-1)*kept/n }
