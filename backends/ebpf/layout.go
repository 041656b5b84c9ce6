package ebpf

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// The maps' keys and values, in the layout that the programs read; their fields are
// exported for the library that takes them as they lie in memory. An address of
// IPv4 is one of IPv6 that maps it (::ffff:a.b.c.d), so that both families share
// maps, and so that a socket of IPv6 that dials such an address is served too.
// Ports are in network byte order.

// frontend is an address, port and protocol that clients dial: the key of the
// map services, whose value is a slot of the map frontends.
type frontend struct {
	Addr  [16]byte
	Port  [2]byte
	Proto uint8
	_     uint8
}

// target is what a frontend leads to: a slot of the map frontends. It carries its
// own key, because the kernel gives a hash map's element to another key while a
// program may still look at it: the program compares.
type target struct {
	Key      frontend
	Count    uint32 // of endpoints; with 0 it is refused
	First    uint32 // slot of the first endpoint
	Affinity uint32 // identity of the ServicePort in the affinities, 0 without
	Timeout  uint64 // of the affinity, in ns
}

// endpoint is a slot of the map endpoints.
type endpoint struct {
	Addr [16]byte
	Port [2]byte
	_    [2]byte
}

// member is a key of the map members: an endpoint to which an affinity may lead.
type member struct {
	Endpoint endpoint
	Affinity uint32
}

// Sizes and offsets for the programs.
const (
	frontendSize    = int(unsafe.Sizeof(frontend{}))
	targetSize      = int(unsafe.Sizeof(target{}))
	endpointSize    = int(unsafe.Sizeof(endpoint{}))
	memberSize      = int(unsafe.Sizeof(member{}))
	stickySize      = 8 + 16 + 4 + 4       // network namespace, source address, affinity, nothing
	stuckSize       = 8 + endpointSize + 4 // time of the last connection, endpoint, nothing
	peerSize        = 8 + endpointSize + 4 // socket, endpoint, nothing
	targetCount     = int16(unsafe.Offsetof(target{}.Count))
	targetFirst     = int16(unsafe.Offsetof(target{}.First))
	targetAffinity  = int16(unsafe.Offsetof(target{}.Affinity))
	targetTimeout   = int16(unsafe.Offsetof(target{}.Timeout))
	endpointPort    = int16(unsafe.Offsetof(endpoint{}.Port))
	frontendPort    = int16(unsafe.Offsetof(frontend{}.Port))
	frontendProto   = int16(unsafe.Offsetof(frontend{}.Proto))
	memberAffinity  = int16(unsafe.Offsetof(member{}.Affinity))
	nanosPerSecond  = 1_000_000_000
	mappedAddrWords = 12 // bytes before the address in one that maps IPv4
)

func newFrontend(a netip.AddrPort, proto uint8) frontend {
	f := frontend{Addr: a.Addr().As16(), Proto: proto}
	binary.BigEndian.PutUint16(f.Port[:], a.Port())
	return f
}

func (f frontend) addrPort() netip.AddrPort { return endpoint{Addr: f.Addr, Port: f.Port}.addrPort() }

func newEndpoint(a netip.AddrPort) endpoint {
	e := endpoint{Addr: a.Addr().As16()}
	binary.BigEndian.PutUint16(e.Port[:], a.Port())
	return e
}

func (e endpoint) addrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(e.Addr).Unmap(), binary.BigEndian.Uint16(e.Port[:]))
}

// protocolNumber is 0 for a protocol that these programs cannot serve.
func protocolNumber(p backends.Protocol) uint8 {
	switch p {
	case backends.TCP:
		return unix.IPPROTO_TCP
	case backends.UDP:
		return unix.IPPROTO_UDP
	}
	return 0
}
