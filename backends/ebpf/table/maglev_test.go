package table

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

func endpointsOf(n int) []backends.Endpoint {
	var list []backends.Endpoint
	for a := netip.MustParseAddr("10.160.0.1"); len(list) < n; a = a.Next() {
		list = append(list, backends.Endpoint{Addr: netip.AddrPortFrom(a, 8080)})
	}
	return list
}

// Shares differ by one entry, whatever the number of endpoints.
func TestMaglevShares(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 12, 13, 100, 204, 205, 1000} {
		counts := make([]int, n)
		entries := maglev(endpointsOf(n))
		for _, e := range entries {
			counts[e]++
		}
		low, high := slices.Min(counts), slices.Max(counts)
		if high-low > 1 {
			t.Errorf("%d endpoints have between %d and %d of %d entries", n, low, high, len(entries))
		}
		if float64(high-low) > float64(high)/(unequal/2) {
			t.Errorf("%d endpoints: %d is too much more than %d", n, high, low)
		}
	}
}

// When an endpoint goes nearly all the others' entries stay theirs (section 5.3 of the
// paper).
func TestMaglevDisruption(t *testing.T) {
	for _, n := range []int{3, 10, 50, 200} {
		list := endpointsOf(n)
		was := maglev(list)
		gone := n / 2
		is := maglev(slices.Delete(slices.Clone(list), gone, gone+1))
		if len(was) != len(is) {
			t.Fatalf("%d endpoints: %d entries became %d", n, len(was), len(is))
		}
		moved, others := 0, 0
		for i, e := range was {
			if int(e) == gone {
				continue
			}
			others++
			stays := int(e) // by its number in the list without the one that is gone
			if stays > gone {
				stays--
			}
			if int(is[i]) != stays {
				moved++
			}
		}
		t.Logf("%d endpoints without one: %d of %d entries of others moved", n, moved, others)
		if moved*8 > others {
			t.Errorf("%d endpoints without one: %d of %d entries of others moved", n, moved, others)
		}
	}
}

// Blocks keep the entries' order.
func TestBlocks(t *testing.T) {
	entries := maglev(endpointsOf(3))
	var flat []uint16
	for _, b := range blocks(entries) {
		flat = append(flat, b[:]...)
	}
	if !slices.Equal(flat[:len(entries)], entries) || len(flat)-len(entries) >= BlockSize {
		t.Errorf("%d entries became %d", len(entries), len(flat))
	}
}
