package table

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// The layout that the programs read, byte by byte.
func TestLayout(t *testing.T) {
	v4 := newFrontend(netip.MustParseAddrPort("10.96.0.1:443"), unix.IPPROTO_TCP)
	if want := append(append(make([]byte, 10), 0xff, 0xff), 10, 96, 0, 1); !bytes.Equal(v4.Addr[:], want) {
		t.Errorf("the address is %x, want %x", v4.Addr, want)
	}
	if v4.Port != [2]byte{1, 187} || v4.Proto != 6 {
		t.Errorf("the port is %v over %d", v4.Port, v4.Proto)
	}
	for what, is := range map[string][2]int{
		"frontend": {FrontendSize, 20}, "target": {TargetSize, 80}, "endpoint": {EndpointSize, 20}, "member": {memberSize, 24},
		"range": {rangeSize, 24}, "block": {blockBytes, 64},
		"inside": {int(TargetInside), 20}, "outside": {int(TargetOutside), 36}, "identity": {int(TargetIdentity), 52}, "flags": {int(TargetFlags), 56},
		"timeout": {int(TargetTimeout), 64}, "version": {int(TargetVersion), 72}, "list": {int(ListSize), 16}, "count": {int(ListCount), 4},
		"endpoint's port": {int(EndpointPort), 16}, "member's identity": {int(memberIdentity), 20},
	} {
		if is[0] != is[1] {
			t.Errorf("%s: %d, want %d", what, is[0], is[1])
		}
	}
}

func FuzzAddresses(f *testing.F) {
	f.Add([]byte{10, 0, 0, 1}, uint16(80))
	f.Add(netip.MustParseAddr("fd00::1").AsSlice(), uint16(65535))
	f.Fuzz(func(t *testing.T, raw []byte, port uint16) {
		a, ok := netip.AddrFromSlice(raw)
		if !ok || a.Is4In6() { // the API has none
			return
		}
		want := netip.AddrPortFrom(a, port)
		if got := newEndpoint(want).addrPort(); got != want {
			t.Errorf("%s came back as %s", want, got)
		}
		if got := newFrontend(want, 17).addrPort(); got != want {
			t.Errorf("%s came back as %s", want, got)
		}
	})
}

// A slot that was given back is not dealt out before it has rested, and no two runs
// share one.
func TestSlots(t *testing.T) {
	s := newSlots(10)
	a, _ := s.take(4)
	b, _ := s.take(6)
	if a == b || a.first+a.length > b.first {
		t.Fatalf("the runs %v and %v", a, b)
	}
	s.give(a)
	if r, err := s.take(4); err != errNoSlots {
		t.Errorf("a run that rests was dealt out: %v, %v", r, err)
	}
	s.settled()
	if r, err := s.take(4); err != nil || r != a {
		t.Errorf("a run that has rested: %v, %v", r, err)
	}
	if r, err := s.take(0); err != nil || r != (run{}) {
		t.Errorf("an empty run: %v, %v", r, err)
	}
	if !slices.Equal(s.free[4], []uint32{}) {
		t.Errorf("free: %v", s.free)
	}
}
