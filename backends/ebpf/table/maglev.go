package table

import (
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// Maglev's lookup table (Eisenbud et al., "Maglev: A Fast and Reliable Software
// Network Load Balancer", NSDI 2016, section 3.4): every endpoint has a permutation
// of the table's entries, and the endpoints take turns in claiming the next one of
// theirs that is free. Each gets as many entries as any other, or one more; and when
// one goes the others keep nearly all that they had.

// unequal is how much more than another an endpoint may get at most: one entry in so
// many of its own.
const unequal = 20

// maglevSizes are the primes that a table's size is taken from. The paper's 65537
// entries are 131 KB for each Service, which are 13 GB for 100,000; those have three
// endpoints, most of them, and with 251 entries take 51 MB, when shares differ by
// 1.2 %. A step that is far from the next keeps a Service in its table while its
// endpoints come and go: across a step every choice is drawn anew.
var maglevSizes = [...]uint32{251, 4093, 65521}

// maglevSize is the size of the table for n endpoints. Beyond 3276 shares get less
// equal.
func maglevSize(n int) uint32 {
	for _, size := range maglevSizes {
		if uint32(n)*unequal <= size {
			return size
		}
	}
	return maglevSizes[len(maglevSizes)-1]
}

// maglev is the lookup table over a list: numbers of endpoints.
func maglev(list []backends.Endpoint) []uint16 {
	size := maglevSize(len(list))
	type walk struct{ at, skip uint32 }
	walks := make([]walk, len(list))
	for i := range list {
		h := addrPortHash(list[i].Addr)
		walks[i] = walk{uint32(h>>32) % size, uint32(h)%(size-1) + 1}
	}
	const free = 1<<16 - 1
	entries := make([]uint16, size)
	for i := range entries {
		entries[i] = free
	}
	for i, left := 0, size; left > 0; i, left = (i+1)%len(walks), left-1 {
		w := &walks[i]
		for entries[w.at] != free {
			if w.at += w.skip; w.at >= size {
				w.at -= size
			}
		}
		entries[w.at] = uint16(i)
	}
	return entries
}

// addrPortHash mixes an address and a port (the finalizer of MurmurHash3, Austin
// Appleby, public domain): the same on every node.
func addrPortHash(a netip.AddrPort) uint64 {
	raw := a.Addr().As16()
	h := uint64(a.Port())
	for i := 0; i < len(raw); i += 8 {
		for j := range 8 {
			h ^= uint64(raw[i+j]) << (8 * j)
		}
		h = (h ^ h>>33) * 0xff51afd7ed558ccd
		h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
		h ^= h >> 33
	}
	return h
}

// blocks are a lookup table in the layout of the map.
func blocks(entries []uint16) []Block {
	all := make([]Block, (len(entries)+BlockSize-1)/BlockSize)
	for i, e := range entries {
		all[i/BlockSize][i%BlockSize] = e
	}
	return all
}
