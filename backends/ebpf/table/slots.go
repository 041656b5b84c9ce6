package table

import "errors"

// slots deals out runs of a map's slots. A slot that was given back rests: a
// program that read of it a moment ago may be about to look at it. When settled
// is called, which is after a grace period, resting slots may be dealt out again.
type slots struct {
	size    uint32
	next    uint32              // from here on none was ever dealt out
	free    map[uint32][]uint32 // the first slots of runs, by length
	resting []run
}

type run struct{ first, length uint32 }

// errNoSlots is that no run of a length is left. Slots may be resting.
var errNoSlots = errors.New("no run of slots is left")

func newSlots(size uint32) *slots { return &slots{size: size, free: map[uint32][]uint32{}} }

// take deals out a run. Runs that are free are used for their own length alone.
func (s *slots) take(length uint32) (run, error) {
	if length == 0 {
		return run{}, nil
	}
	if list := s.free[length]; len(list) > 0 {
		first := list[len(list)-1]
		s.free[length] = list[:len(list)-1]
		return run{first, length}, nil
	}
	if length > s.size-s.next {
		return run{}, errNoSlots
	}
	r := run{s.next, length}
	s.next += length
	return r, nil
}

func (s *slots) give(r run) {
	if r.length > 0 {
		s.resting = append(s.resting, r)
	}
}

func (s *slots) settled() {
	for _, r := range s.resting {
		s.free[r.length] = append(s.free[r.length], r.first)
	}
	s.resting = nil
}
