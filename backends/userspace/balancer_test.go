package userspace

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

var (
	one   = netip.MustParseAddrPort("10.0.0.1:80")
	two   = netip.MustParseAddrPort("10.0.0.2:80")
	three = netip.MustParseAddrPort("10.0.0.3:80")

	alice = netip.MustParseAddr("192.0.2.1")
	bob   = netip.MustParseAddr("192.0.2.2")
)

// clock is a time that passes when it is told to.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func picks(b *balancer, n int, client netip.Addr) []netip.AddrPort {
	var list []netip.AddrPort
	for range n {
		e, _ := b.pick(client, false)
		list = append(list, e)
	}
	return list
}

func want(t *testing.T, got []netip.AddrPort, want ...netip.AddrPort) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("picked %v, want %v", got, want)
	}
}

func TestTurns(t *testing.T) {
	b := newBalancer(0, time.Now)
	if e, ok := b.pick(alice, false); ok {
		t.Errorf("picked %s of none", e)
	}
	b.set([]netip.AddrPort{one, two, three})
	want(t, picks(b, 4, alice), one, two, three, one)
	b.set([]netip.AddrPort{one, two, three}) // the same again leaves the turn
	want(t, picks(b, 2, bob), two, three)
	b.pick(bob, false)
	b.set([]netip.AddrPort{two, three}) // others begin anew
	want(t, picks(b, 3, alice), two, three, two)
	b.set(nil)
	if e, ok := b.pick(alice, false); ok {
		t.Errorf("picked %s of none", e)
	}
}

func TestAffinity(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	b := newBalancer(10*time.Second, c.now)
	b.set([]netip.AddrPort{one, two, three})
	want(t, picks(b, 3, alice), one, one, one)
	want(t, picks(b, 2, bob), two, two)

	// Every connection begins the timeout anew.
	c.t = c.t.Add(9 * time.Second)
	want(t, picks(b, 1, alice), one)
	c.t = c.t.Add(9 * time.Second)
	want(t, picks(b, 1, alice), one)
	// Bob is away for 18 s.
	want(t, picks(b, 2, bob), three, three)
	// At the timeout itself it has ended.
	c.t = c.t.Add(10 * time.Second)
	want(t, picks(b, 1, alice), one) // it is the turn of one again
	want(t, picks(b, 1, bob), two)

	// The failure of a client's endpoint gives it the next one, which it keeps.
	if e, _ := b.pick(alice, true); e != three {
		t.Errorf("after a failure: %s, want %s", e, three)
	}
	want(t, picks(b, 2, alice), three, three)

	// An endpoint that goes takes its clients' affinities along, and no others.
	b.set([]netip.AddrPort{one, two})
	want(t, picks(b, 1, bob), two)
	want(t, picks(b, 2, alice), one, one)
}

func TestForget(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	b := newBalancer(10*time.Second, c.now)
	b.set([]netip.AddrPort{one})
	b.pick(alice, false)
	c.t = c.t.Add(5 * time.Second)
	b.pick(bob, false)
	c.t = c.t.Add(5 * time.Second)
	b.forget()
	if _, there := b.clients[alice]; there || len(b.clients) != 1 {
		t.Errorf("remembers %v, want the client that is not away alone", b.clients)
	}
}
