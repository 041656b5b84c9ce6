package vm

import "testing"

// Guests of two labs take different processors as long as there are any, and then
// share them.
func TestProcessorsAreDealtBetweenLabs(t *testing.T) {
	dir := t.TempDir()
	deal := func() *processors {
		p := newProcessors(dir)
		p.guests = map[int]int{3: 0, 5: 0}
		return p
	}
	one, other := deal(), deal()
	for _, step := range []struct {
		lab  *processors
		give int
		want int
	}{
		{lab: one, want: 3},
		{lab: other, want: 5},
		{lab: one, want: 5}, // taken, and still its least used
		{lab: other, want: 3},
		{lab: one, give: 3, want: 3},
		{lab: other, give: 5, want: 5},
	} {
		if step.give != 0 {
			step.lab.give(step.give)
		}
		if got := step.lab.take(); got != step.want {
			t.Errorf("%+v: got processor %d", step, got)
		}
	}
	for _, i := range []int{3, 5} {
		one.give(i)
		other.give(i)
	}
	if got := deal().take(); got != 3 {
		t.Errorf("a processor that was given back twice is not free: got %d", got)
	}
}
