package measure

import (
	"math"

	"github.com/svcmark/svcmark/lab/asking"
	"github.com/svcmark/svcmark/results"
)

// timeline is that of the questions that were due from a moment until another, for their
// result; its times count from zero. outcome tells of those that were answered.
func (c *Cell) timeline(replies []asking.Reply, syncs []results.SyncMark, zero, from, to int64, outcome func(asking.Reply) results.Outcome) *results.Timeline {
	var ops []results.Operation
	for _, r := range replies {
		if r.Due < from || r.Due >= to {
			continue
		}
		o := results.Operation{Due: r.Due - zero, Took: r.At - r.Due}
		switch {
		case r.Refused:
			o.Outcome = results.Refused
		case r.Lost:
			o.Outcome = results.Lost
		default:
			o.Outcome = outcome(r)
		}
		ops = append(ops, o)
	}
	own := make([]results.SyncMark, len(syncs))
	for i, s := range syncs {
		own[i] = results.SyncMark{Name: s.Name, From: s.From - zero, To: s.To - zero}
	}
	return results.NewTimeline(c.Clock.TimeUnit(), ops, own)
}

// window is from when a phase began until the next one did, which for the first sync
// of one is duringRest before it: each question is due in one of them.
func window(spans []span, phase string) (from, to int64) {
	from, to = math.MaxInt64, math.MaxInt64
	for _, s := range spans {
		if s.phase == phase {
			from = min(from, s.from)
		}
	}
	for _, s := range spans {
		if s.phase != phase && s.from > from {
			to = min(to, s.from)
		}
	}
	if from > spans[0].from {
		from -= int64(duringRest)
	}
	if to < math.MaxInt64 {
		to -= int64(duringRest)
	}
	return from, to
}

// marks are a phase's syncs; there are none before any.
func marks(spans []span, phase string) (syncs []results.SyncMark) {
	for _, s := range spans {
		if s.phase == phase && phase != phaseBefore {
			syncs = append(syncs, results.SyncMark{Name: phase, From: s.from, To: s.to})
		}
	}
	return syncs
}
