package tc

import (
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/svcmark/svcmark/backends/ebpf/table"
)

// tuple is the addresses and ports of a packet, in the layout of a packet of IPv6: the
// key of the map flows.
type tuple struct {
	Src, Dst         [16]byte
	SrcPort, DstPort [2]byte
	Proto            uint8
	_                [3]byte
}

// flow is what becomes of the packets of a tuple. A connection has two, one for each
// way. The fields up to the ports are laid out as a tuple's.
type flow struct {
	Src, Dst         [16]byte
	SrcPort, DstPort [2]byte
	Flags            uint32
	Version          uint64 // of the frontend's endpoints when it was given one of them
	Seen             uint64 // when it began; and the last packet, or of TCP the last that ends the connection
}

// The flags of a flow.
const (
	forward  = 1 << iota // from the client
	redirect             // the node's routing would not take the packet as it is then
	closing              // FIN or RST has passed
)

const (
	tupleSize   = int(unsafe.Sizeof(tuple{}))
	flowSize    = int(unsafe.Sizeof(flow{}))
	addrsSize   = int(unsafe.Offsetof(tuple{}.SrcPort))
	tupleDst    = int16(unsafe.Offsetof(tuple{}.Dst))
	tuplePorts  = int16(unsafe.Offsetof(tuple{}.SrcPort))
	tuplePort   = int16(unsafe.Offsetof(tuple{}.DstPort))
	tupleProto  = int16(unsafe.Offsetof(tuple{}.Proto))
	flowFlags   = int16(unsafe.Offsetof(flow{}.Flags))
	flowVersion = int16(unsafe.Offsetof(flow{}.Version))
	flowSeen    = int16(unsafe.Offsetof(flow{}.Seen))
)

// mostFlows are two for each connection; the longest unused of too many go first.
const mostFlows = 262144

// The source ports of masqueraded clients: sourcePorts of them, a power of two. They are
// below the NodePorts and the ports that Linux gives to the node's own sockets
// (net.ipv4.ip_local_port_range), so that no connection of the node itself is taken for
// a client's.
const (
	firstSourcePort = 10240
	sourcePorts     = 16384
	portTries       = 8
	// idle is after how many ns without a packet another client may have the port of a
	// connection that was closed, or of a flow of UDP.
	closedIdle = 10_000_000_000
	udpIdle    = 30_000_000_000
)

// maps are those that outlive a state.
type maps struct {
	stickies, flows *ebpf.Map
	// jumps are the programs in use, by hook and family: what is attached jumps there.
	jumps *ebpf.Map
}

func newMaps() (m *maps, err error) {
	m = &maps{}
	if m.stickies, err = table.NewStickies(); err == nil {
		m.flows, err = table.NewMap("flows", ebpf.LRUHash, tupleSize, flowSize, mostFlows)
	}
	if err == nil {
		m.jumps, err = table.NewMap("jumps", ebpf.ProgramArray, 4, 4, hooks*families)
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *maps) close() {
	m.stickies.Close()
	m.flows.Close()
	m.jumps.Close()
}
