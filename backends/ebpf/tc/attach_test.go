package tc

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/svcmark/svcmark/backends"
)

// A Backend whose place another takes, or that another cleans up, leads nowhere any more:
// its maps are not kept for as long as the process lives.
func TestGatesAreShut(t *testing.T) {
	bench := newBench(t, Random)
	if bench == nil {
		return
	}
	first, second := bench.Backend, New(Random)
	state := sites()[0].state(backends.TCP, sites()[0].endpoint)
	open := func(b *Backend) int {
		n := 0
		for i := range uint32(hooks * families) {
			var id uint32
			switch err := b.maps.jumps.Lookup(i, &id); {
			case err == nil:
				n++
			case !errors.Is(err, ebpf.ErrKeyNotExist):
				t.Fatal(err)
			}
		}
		return n
	}
	for _, b := range []*Backend{first, second} {
		if err := b.Sync(t.Context(), state); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(second.letGo)
	if a, b := open(first), open(second); a != 0 || b == 0 {
		t.Errorf("of the first %d ways are open, of the second %d", a, b)
	}
	// It can come back.
	if err := first.Sync(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	if a, b := open(first), open(second); a == 0 || b != 0 {
		t.Errorf("of the first %d ways are open, of the second %d", a, b)
	}
	if err := New(Random).Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := open(first); a != 0 {
		t.Errorf("after a Cleanup %d ways are open", a)
	}
}
