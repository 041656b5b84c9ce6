package scenarios

import (
	"encoding/binary"
	"net/netip"
)

// A pool deals out the usable addresses of a range, each once, in an order that
// the seed decides. Address i depends on the seed and i alone, so that a larger
// State is a smaller one with more behind it. Of an IPv6 range it deals out the
// first 2^32 addresses.
//
// The network address, the first address (kubernetes.default in a Service
// range, the gateway in a pod range) and the broadcast address are not usable.
type pool struct {
	base netip.Addr
	last uint32 // the broadcast address's offset: all ones
	half int    // half of last's bits
	keys [4]uint32
}

func newPool(p netip.Prefix, rnd uint64) pool {
	l := pool{base: p.Masked().Addr(), last: uint32(1<<hostBits(p) - 1), half: hostBits(p) / 2}
	for i := range l.keys {
		rnd = scramble(rnd)
		l.keys[i] = uint32(rnd)
	}
	return l
}

// at is the i-th address; i is below the range's room.
func (l *pool) at(i int) netip.Addr { return behind(l.base, l.offset(i)) }

// behind is the n-th address behind another.
func behind(a netip.Addr, n uint32) netip.Addr {
	if a.Is4() {
		raw := a.As4()
		binary.BigEndian.PutUint32(raw[:], binary.BigEndian.Uint32(raw[:])+n)
		return netip.AddrFrom4(raw)
	}
	raw := a.As16()
	binary.BigEndian.PutUint32(raw[12:], binary.BigEndian.Uint32(raw[12:])+n)
	return netip.AddrFrom16(raw)
}

// offset is where the i-th address lies behind the first of the range.
func (l *pool) offset(i int) uint32 {
	// Walking the permutation's cycle until it leaves the unusable offsets is
	// again a permutation, of the usable ones.
	x := l.permute(uint32(i) + 2)
	for x < 2 || x == l.last {
		x = l.permute(x)
	}
	return x
}

// permute is a bijection on 0..last: each round's steps (xor with a right
// shift, multiplication by an odd number, addition, all modulo a power of two)
// can be undone.
func (l *pool) permute(x uint32) uint32 {
	for _, k := range l.keys {
		x ^= x >> l.half
		x = (x*(k|1) + k>>16) & l.last
	}
	return x
}

// scramble is the output function of SplitMix64 (Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators", 2014). Being our own, it gives
// the same numbers with every Go version.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
