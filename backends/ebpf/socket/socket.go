// Package socket serves Services in the sockets of their clients, as the socket
// load balancers of eBPF dataplanes do: programs attached to a control group
// write an endpoint's address in the place of a VIP when a socket connects, or
// when a UDP socket that is not connected sends; and the VIP in the place of the
// endpoint when such a socket receives, or asks for its peer (cgroup/connect4 and 6,
// sendmsg, recvmsg, getpeername). No packet carries a VIP, and none of an open
// connection meets any work. TCP and UDP, IPv4 and IPv6, ClusterIPs, external and
// load balancers' IPs, and NodePorts at the node's addresses; each connection is
// given to an endpoint at random.
//
// The programs see the sockets of the node and of its pods alone. What that
// means, and what is left out against a product (Cilium's socket load balancing):
//   - Packets from machines outside are not served. A product has programs at the
//     node's interfaces for them (tc or XDP).
//   - Endpoints see the client's own address, and a pod that reaches itself sees
//     itself: nothing is masqueraded. Source ranges keep no pod out, and what has no
//     endpoint is refused when a socket connects. Products do the same.
//   - A connected UDP socket stays with its endpoint when that is gone. Cilium closes
//     such sockets (sock_destroy) in every pod's namespace.
//   - A UDP socket that is not connected gets an endpoint for each datagram.
//   - SCTP has no such programs.
//   - A NodePort is served at the node's addresses, at no loopback address.
//   - The client of a session affinity is a network namespace, and within it the
//     address that the socket was bound to. Affinities and what sockets had dialed are
//     kept in maps of fixed size, whose oldest elements go first.
//
// No packet of an open connection meets a program, and yet a round trip in the microVM
// (kernel 6.1) takes 1.5 % (TCP) to 2.9 % (UDP) more instructions than one to the endpoint
// itself, at any number of Services, and whether the VIP is dialed or the endpoint. Seen
// one by one, as medians of 41 round trips that take 53,400 and 50,700 without:
//   - 820 over either protocol because the process is in a control group that is not the
//     root, with no program attached to anything. The kernel accounts processor time to
//     such a group when tasks change (cgroup_account_cputime, which passes the root over).
//   - 315 over UDP as soon as a program is attached to sendmsg4, and 305 to recvmsg4, be
//     they empty. They are the endpoint's: its socket is not connected, and every such
//     socket of the kernel looks for programs of its group once any group has one.
//   - Nothing for connect4, getpeername4 and the hooks of IPv6, and nothing for what the
//     programs here do beyond an empty one.
//
// All maps and links are file descriptors of this process and end with it. Nothing is
// pinned. The group is one of this process's own (package cgroup): the host's
// processes are never in it. Its empty directories are what a killed process
// leaves, until the next one starts.
package socket

import (
	"context"
	"os"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/cgroup"
	"github.com/svcmark/svcmark/backends/ebpf/table"
)

// Backend is the dataplane.
type Backend struct {
	ids    table.Identities
	group  string   // that this Backend entered
	dir    *os.File // of it
	links  map[string]held
	maps   *maps
	tables *table.Tables // nil unless the kernel has them
}

var (
	_ backends.Backend = (*Backend)(nil)
	_ backends.Applier = (*Backend)(nil)
)

// New makes the Backend. It touches nothing.
func New() *Backend { return &Backend{} }

// Sync implements backends.Backend. It makes new tables beside those in use, and
// then leads the programs to them: no socket sees half of a state.
func (b *Backend) Sync(ctx context.Context, state *backends.State) error {
	if err := state.Check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	own, err := cgroup.Own()
	if err != nil {
		return err
	}
	if b.group == "" || own != b.group {
		b.letGo() // another Backend has taken over
	}
	if b.maps == nil {
		if b.maps, err = newMaps(); err != nil {
			return err
		}
	}
	t, err := table.New(ctx, table.Kind{}, state, &b.ids)
	if err != nil {
		return err
	}
	if err := b.use(t); err != nil {
		t.Close()
		return err
	}
	if b.tables != nil {
		b.tables.Close()
	}
	b.tables = t
	return nil
}

// use leads the programs to tables. The group is entered before they are attached
// to it: it is new and has served nobody, and what was attached to the one before
// goes on serving until then.
func (b *Backend) use(t *table.Tables) error {
	if b.group != "" {
		return b.maps.attach(t, b.dir, b.links)
	}
	tree, err := cgroup.Open()
	if err != nil {
		return err
	}
	defer tree.Close()
	if b.group, err = tree.Enter(); err != nil {
		return err
	}
	if b.dir, err = tree.Dir(b.group); err != nil {
		return err
	}
	b.links = map[string]held{}
	return b.maps.attach(t, b.dir, b.links)
}

// letGo closes all that this Backend holds.
func (b *Backend) letGo() {
	for _, l := range b.links {
		l.close()
	}
	if b.dir != nil {
		b.dir.Close()
	}
	if b.tables != nil {
		b.tables.Close()
	}
	if b.maps != nil {
		b.maps.close()
	}
	b.group, b.dir, b.links, b.tables, b.maps = "", nil, nil, nil, nil
}

// Apply implements backends.Applier. Where the tables have no room for the change it
// makes new ones, as Sync does.
func (b *Backend) Apply(ctx context.Context, delta *backends.Delta) error {
	own, err := cgroup.Own()
	if err != nil {
		return err
	}
	if own != b.group {
		b.letGo() // another Backend has taken over
	}
	return b.tables.Apply(ctx, delta, &b.ids, b.Sync)
}

// Cleanup implements backends.Backend. It takes the process out of the group, which
// takes what is attached to it along, whichever Backend of the process made it.
func (b *Backend) Cleanup(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.letGo()
	own, err := cgroup.Own()
	if err != nil {
		return err
	}
	if _, ours := cgroup.Ours(own); !ours {
		return nil
	}
	tree, err := cgroup.Open()
	if err != nil {
		return err
	}
	defer tree.Close()
	return tree.Exit()
}

// Kill does what the end of the process does: nothing serves any more.
func (b *Backend) Kill() error {
	b.letGo()
	return nil
}

// Close is Cleanup at the end of the process: namespaces do not take control groups
// along.
func (b *Backend) Close() error { return b.Cleanup(context.Background()) }

// Objects counts the elements of the maps that serve the state.
func (b *Backend) Objects(ctx context.Context) (map[string]int, error) { return b.tables.Objects(ctx) }
