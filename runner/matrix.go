package runner

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/scenarios"
)

// Repetitions of a point when the scenario does not say: in an
// exact clock one tells all but the phase of timers, by which the others differ (lab.Job);
// a noisy one needs six for a rank test to be able to speak.
const (
	repeatVirtual = 1
	repeatWall    = 6
)

// cell is one repetition of one point.
type cell struct {
	point  scenarios.Point
	repeat int
}

// labels tell the point. Where each Service has as many endpoints as it has in
// the list, no number would be true.
func (c cell) labels() []results.Label {
	endpoints := "listed"
	if c.point.Endpoints != scenarios.Listed {
		endpoints = strconv.Itoa(c.point.Endpoints)
	}
	return []results.Label{
		{Key: "backend", Value: c.point.Backend},
		{Key: "services", Value: strconv.Itoa(c.point.Services)},
		{Key: "endpoints", Value: endpoints},
	}
}

func (c cell) key() results.CellKey { return results.KeyOf(c.labels(), c.repeat) }

// Shard is the part of a run's cells that this process runs: the Index-th of
// Count, from 1. The zero Shard is all of them.
type Shard struct{ Index, Count int }

func (s Shard) has(i int) bool { return s.Count == 0 || i%s.Count == s.Index-1 }

// matrix is every cell of a scenario in the order of its results: point by
// point, repetitions together.
func matrix(s *scenarios.Scenario, clock lab.Clock, shard Shard) []cell {
	repeat := s.Repeat
	if repeat == 0 {
		repeat = repeatWall
		if clock == lab.Virtual {
			repeat = repeatVirtual
		}
	}
	var cells []cell
	for i, p := range s.Points() {
		if !shard.has(i) {
			continue
		}
		for r := range repeat {
			cells = append(cells, cell{p, r})
		}
	}
	return cells
}

// scheduleStream keeps the order's randomness apart from what else a seed makes.
const scheduleStream = 0x73636865

// schedule is the order in which cells run. In the virtual clock it changes no
// figure, so the largest go first and the cores end together. In the wall
// clock each repetition goes through all points before the next one begins, so
// that a slow spell of the machine hits every backend, in an order that the seed
// shuffles anew, so that no backend always follows the same one.
func schedule(cells []cell, clock lab.Clock, seed uint64) []cell {
	cells = slices.Clone(cells)
	if clock == lab.Virtual {
		slices.SortStableFunc(cells, func(a, b cell) int { return cmp.Compare(b.prior(), a.prior()) })
		return cells
	}
	random := rand.New(rand.NewPCG(seed, scheduleStream))
	random.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	slices.SortStableFunc(cells, func(a, b cell) int { return cmp.Compare(a.repeat, b.repeat) })
	return cells
}

// prior is how much longer than others a cell takes, as far as its size tells.
func (c cell) prior() float64 {
	const lab, perService, perEndpoint = 3, 0.003, 0.001
	n := float64(c.point.Services)
	return lab + n*(perService+perEndpoint*float64(max(0, c.point.Endpoints)))
}
