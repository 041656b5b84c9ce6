package table

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

// Frontend is an address, port and protocol that clients dial: the key of the
// map services, whose value is a slot of the map frontends.
type Frontend struct {
	Addr  [16]byte
	Port  [2]byte
	Proto uint8
	_     uint8
}

// Target is what a frontend leads to: a slot of the map frontends. It carries its
// own key, because the kernel gives a hash map's element to another key while a
// program may still look at it: the program compares.
type Target struct {
	Key Frontend
	// Inside is for pods and the node, Outside for everybody else. Sockets are all
	// inside.
	Inside, Outside List
	Identity        uint32 // of the ServicePort among members and affinities, 0 when it needs none
	Flags           Flags
	_               uint32
	Timeout         uint64 // of the affinity in ns, 0 without
	Version         uint64 // another one when endpoints are, for packets alone
}

// List are endpoints in successive slots.
type List struct {
	First uint32 // slot of the first endpoint
	Count uint32 // of endpoints; with 0 there is nobody
	Table uint32 // first block of the lookup table of Maglev
	Size  uint32 // of the lookup table, 0 without
}

// Flags are what is done to packets for a frontend.
type Flags uint32

// The flags.
const (
	MasqueradeOutside Flags = 1 << iota // for clients that are neither pods nor the node
	MasqueradePods                      // for pods
	Ranges                              // only clients of the source ranges are let in
	SilentInside                        // with nobody Inside packets are dropped, not refused
	SilentOutside                       // likewise Outside
	NodeAddr                            // the frontend is an address of the node
)

// Endpoint is a slot of the map endpoints.
type Endpoint struct {
	Addr [16]byte
	Port [2]byte
	_    [2]byte
}

// Member is a key of the map members: an endpoint where a client may stay.
type Member struct {
	Endpoint Endpoint
	Identity uint32
}

// Range is a key of the map ranges, a trie: who may use a frontend, by its slot.
type Range struct {
	Bits uint32 // of what follows
	Slot uint32
	Addr [16]byte
}

// Block is a part of a lookup table of Maglev: numbers of endpoints in a list.
type Block [BlockSize]uint16

// BlockSize is how many entries of a lookup table a block has.
const BlockSize = 32

// Sizes and offsets for the programs.
const (
	FrontendSize    = int(unsafe.Sizeof(Frontend{}))
	TargetSize      = int(unsafe.Sizeof(Target{}))
	EndpointSize    = int(unsafe.Sizeof(Endpoint{}))
	memberSize      = int(unsafe.Sizeof(Member{}))
	rangeSize       = int(unsafe.Sizeof(Range{}))
	blockBytes      = int(unsafe.Sizeof(Block{}))
	stickySize      = 8 + 16 + 4 + 4       // network namespace, source address, identity, nothing
	stuckSize       = 8 + EndpointSize + 4 // time of the last connection, endpoint, nothing
	TargetInside    = int16(unsafe.Offsetof(Target{}.Inside))
	TargetOutside   = int16(unsafe.Offsetof(Target{}.Outside))
	TargetIdentity  = int16(unsafe.Offsetof(Target{}.Identity))
	TargetFlags     = int16(unsafe.Offsetof(Target{}.Flags))
	TargetTimeout   = int16(unsafe.Offsetof(Target{}.Timeout))
	TargetVersion   = int16(unsafe.Offsetof(Target{}.Version))
	ListSize        = int16(unsafe.Sizeof(List{}))
	ListFirst       = int16(unsafe.Offsetof(List{}.First))
	ListCount       = int16(unsafe.Offsetof(List{}.Count))
	ListTable       = int16(unsafe.Offsetof(List{}.Table))
	ListTableSize   = int16(unsafe.Offsetof(List{}.Size))
	EndpointPort    = int16(unsafe.Offsetof(Endpoint{}.Port))
	FrontendPort    = int16(unsafe.Offsetof(Frontend{}.Port))
	FrontendProto   = int16(unsafe.Offsetof(Frontend{}.Proto))
	memberIdentity  = int16(unsafe.Offsetof(Member{}.Identity))
	nanosPerSecond  = 1_000_000_000
	MappedAddrWords = 12 // bytes before the address in one that maps IPv4
)

func newFrontend(a netip.AddrPort, proto uint8) Frontend {
	f := Frontend{Addr: a.Addr().As16(), Proto: proto}
	binary.BigEndian.PutUint16(f.Port[:], a.Port())
	return f
}

func (f Frontend) addrPort() netip.AddrPort { return Endpoint{Addr: f.Addr, Port: f.Port}.addrPort() }

func newEndpoint(a netip.AddrPort) Endpoint {
	e := Endpoint{Addr: a.Addr().As16()}
	binary.BigEndian.PutUint16(e.Port[:], a.Port())
	return e
}

func (e Endpoint) addrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(e.Addr).Unmap(), binary.BigEndian.Uint16(e.Port[:]))
}

func newRange(slot uint32, p netip.Prefix) Range {
	const slotBits = 32
	return Range{Bits: uint32(slotBits + 128 - p.Addr().BitLen() + p.Bits()), Slot: slot, Addr: p.Addr().As16()}
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
