package scenarios

import (
	"net/netip"
	"testing"
)

// Every usable address comes once, whatever the size of the range and the seed.
func TestPoolDealsEachAddressOnce(t *testing.T) {
	for bits := 16; bits <= 28; bits++ {
		for seed := range uint64(20) {
			p := netip.PrefixFrom(netip.MustParseAddr("10.96.0.0"), bits)
			l := newPool(p, seed)
			seen := make([]bool, 1<<(32-bits))
			for i := range room(p) {
				a := l.at(i)
				if !p.Contains(a) {
					t.Fatalf("%s, seed %d: address %d is %s", p, seed, i, a)
				}
				n := l.offset(i)
				if seen[n] {
					t.Fatalf("%s, seed %d: %s comes twice", p, seed, a)
				}
				seen[n] = true
			}
			if seen[0] || seen[1] || seen[len(seen)-1] {
				t.Fatalf("%s, seed %d: the network, first or broadcast address was dealt", p, seed)
			}
		}
	}
}

// The first addresses lie all over the range, in its high bits and in its low
// ones, for all of many seeds: kernels hash by either.
func TestPoolSpreads(t *testing.T) {
	const n, buckets = 4096, 16
	for seed := range uint64(500) {
		l := newPool(netip.MustParsePrefix("10.96.0.0/12"), scramble(seed))
		var high, low [buckets]int
		for i := range n {
			x := l.offset(i)
			high[x>>16]++
			low[x&15]++
		}
		for b := range buckets {
			// 256 are expected, with a standard deviation of 15.5.
			if high[b] < 128 || high[b] > 384 || low[b] < 128 || low[b] > 384 {
				t.Errorf("seed %d: bucket %d has %d by high bits and %d by low bits, of %d", seed, b, high[b], low[b], n)
			}
		}
	}
}

// SplitMix64's published sequence for the seed 0 starts so: each output is the
// scramble of a multiple of the golden gamma.
func TestScramble(t *testing.T) {
	const gamma = 0x9e3779b97f4a7c15
	for i, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec} {
		n := uint64(i)
		if got := scramble(n * gamma); got != want {
			t.Errorf("number %d is %#x, want %#x", i, got, want)
		}
	}
}
