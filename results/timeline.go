package results

import (
	"cmp"
	"fmt"
	"slices"
)

// Timeline is a result's operations in the order in which they were due, with the
// syncs that were made beside them. All times are from the same moment for all
// timelines of a measurement in one cell.
type Timeline struct {
	Unit string // of all times: "ns" or "insns"
	// Total is how many operations there were. Where there are fewer Operations, quick ones
	// that were answered right are left out (see NewTimeline).
	Total      int
	Operations []Operation
	Syncs      []SyncMark
}

// Operation is what became of one operation.
type Operation struct {
	Due     int64 // when it was to begin, whatever became of those before
	Took    int64 // from Due to its answer, or to when it was given up
	Outcome Outcome
}

// SyncMark is when a sync was made.
type SyncMark struct {
	Name     string // what was synced: "full", "partial"
	From, To int64
}

// Outcome is how an operation ended.
type Outcome string

// The outcomes of operations.
const (
	Answered    Outcome = "answered"
	Stale       Outcome = "stale"       // answered by an endpoint that was to be gone and was not yet
	Misdirected Outcome = "misdirected" // answered by what is no endpoint
	Refused     Outcome = "refused"
	Lost        Outcome = "lost" // nobody has answered
)

func (o Outcome) known() bool {
	return slices.Contains([]Outcome{Answered, Stale, Misdirected, Refused, Lost}, o)
}

// quickKept is how many of the quick operations a Timeline keeps, at most.
const quickKept = 1000

// NewTimeline makes a timeline, which it sorts. Of more than quickKept operations that were
// answered right, those that took longer than nine tenths of them are all kept, and of
// the others one in so many that quickKept remain. What was not answered right is
// always kept.
func NewTimeline(unit string, operations []Operation, syncs []SyncMark) *Timeline {
	t := &Timeline{Unit: unit, Total: len(operations), Syncs: syncs}
	sorted := slices.SortedStableFunc(slices.Values(operations), func(a, b Operation) int { return cmp.Compare(a.Due, b.Due) })
	var right []int64
	for _, o := range sorted {
		if o.Outcome == Answered {
			right = append(right, o.Took)
		}
	}
	if len(right) <= quickKept {
		t.Operations = sorted
		return t
	}
	slices.Sort(right)
	slow := right[len(right)*9/10]
	every := (len(right) + quickKept - 1) / quickKept
	quick := 0
	for _, o := range sorted {
		if o.Outcome == Answered && o.Took <= slow {
			quick++
			if quick%every != 0 {
				continue
			}
		}
		t.Operations = append(t.Operations, o)
	}
	return t
}

// check says whether the timeline can be one.
func (t *Timeline) check() error {
	if t.Unit == "" || t.Total < len(t.Operations) {
		return fmt.Errorf("a timeline of %d operations in all that has %d, in the unit %q", t.Total, len(t.Operations), t.Unit)
	}
	return nil
}
