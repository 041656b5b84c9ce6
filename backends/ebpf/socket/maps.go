package socket

import (
	"github.com/cilium/ebpf"

	"github.com/svcmark/svcmark/backends/ebpf/table"
)

// mostPeers is how many sockets' dialed addresses are remembered.
const mostPeers = 262144

const peerSize = 8 + table.EndpointSize + 4 // socket, endpoint, nothing

// maps are those that outlive a state.
type maps struct{ stickies, peers *ebpf.Map }

func newMaps() (m *maps, err error) {
	m = &maps{}
	if m.stickies, err = table.NewStickies(); err == nil {
		m.peers, err = table.NewMap("peers", ebpf.LRUHash, peerSize, table.FrontendSize, mostPeers)
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *maps) close() {
	m.stickies.Close()
	m.peers.Close()
}
