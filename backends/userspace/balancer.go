package userspace

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// balancer picks the endpoints of one ServicePort in turn, and remembers its clients'
// when it has session affinity (LoadBalancerRR in roundrobin.go).
type balancer struct {
	affinity time.Duration // how long a client that is away keeps its endpoint; 0 without affinity
	now      func() time.Time

	mu        sync.Mutex
	endpoints []netip.AddrPort
	next      int
	clients   map[netip.Addr]sticky
}

// sticky is a client's endpoint.
type sticky struct {
	endpoint netip.AddrPort
	used     time.Time
}

func newBalancer(affinity time.Duration, now func() time.Time) *balancer {
	return &balancer{affinity: affinity, now: now, clients: map[netip.Addr]sticky{}}
}

// pick gives the endpoint for a client's next connection, false when there is none.
// With anew it is the next in turn even for a client that has one: that has failed.
func (b *balancer) pick(client netip.Addr, anew bool) (netip.AddrPort, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.endpoints) == 0 {
		return netip.AddrPort{}, false
	}
	if b.affinity == 0 {
		return b.turn(), true
	}
	s, known := b.clients[client]
	now := b.now()
	if !known || anew || now.Sub(s.used) >= b.affinity {
		s.endpoint = b.turn()
	}
	s.used = now
	b.clients[client] = s
	return s.endpoint, true
}

func (b *balancer) turn() netip.AddrPort {
	e := b.endpoints[b.next]
	b.next = (b.next + 1) % len(b.endpoints)
	return e
}

// set makes these the endpoints. When they are others than before, the turns begin
// anew, and clients of those that are gone lose theirs.
func (b *balancer) set(endpoints []netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Equal(b.endpoints, endpoints) { // both are in the order of Endpoint.Compare
		return
	}
	b.endpoints, b.next = endpoints, 0
	for client, s := range b.clients {
		if !slices.Contains(endpoints, s.endpoint) {
			delete(b.clients, client)
		}
	}
}

// forget drops the clients that are away for too long.
func (b *balancer) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for client, s := range b.clients {
		if b.now().Sub(s.used) >= b.affinity {
			delete(b.clients, client)
		}
	}
}

// has says whether an endpoint is one of them.
func (b *balancer) has(endpoint netip.AddrPort) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.endpoints, endpoint)
}
