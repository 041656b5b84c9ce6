package backends

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// The order is that of the texts, however it is found.
func TestCompareAddrPortsIsTheOrderOfTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	number := func(most int) int { return random.IntN([]int{10, 100, 1000, 10000, 65536}[random.IntN(5)]) % most }
	addrPort := func() netip.AddrPort {
		a := netip.AddrFrom4([4]byte{byte(number(256)), 10, byte(number(256)), byte(number(256))})
		if random.IntN(8) == 0 {
			a = netip.AddrFrom16([16]byte{0xfd, 14: byte(number(256)), 15: byte(number(256))})
		}
		return netip.AddrPortFrom(a, uint16(number(65536)))
	}
	for range 200_000 {
		a, b := addrPort(), addrPort()
		if random.IntN(2) == 0 {
			b = netip.AddrPortFrom(a.Addr(), b.Port())
		}
		if got, want := CompareAddrPorts(a, b), strings.Compare(a.String(), b.String()); got != want {
			t.Fatalf("%s, %s: %d, want %d", a, b, got, want)
		}
	}
}
