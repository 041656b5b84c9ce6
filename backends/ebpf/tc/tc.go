// Package tc serves Services in the packets of their clients, as eBPF dataplanes do at
// a node's links: programs at the hooks of tc (clsact) look up an address, port and
// protocol in a hash map, give a new connection to an endpoint, rewrite the packet's
// addresses, ports and checksums, and remember the connection in a map of their own, both
// ways. TCP and UDP, IPv4 and IPv6, ClusterIPs, external and load balancers' IPs with
// source ranges, NodePorts at the node's addresses, session affinity, traffic policies.
// Endpoints are chosen at random, or by Maglev's lookup tables (backends/ebpf/table),
// which give the same connection to the same endpoint on every node.
//
// A packet that comes from a link meets the programs once, as it comes; one of the
// node's own meets them as it leaves, and is then sent where its endpoint is. Clients are
// masqueraded where kube-proxy does it: from outside unless the policy is Local, pods
// that ask an address from outside or reach themselves. Answers, and what only the node
// may send, go past the node's routing and netfilter, as the kernel would take them for
// forged (bpf_redirect_neigh): their TTL is not counted down.
//
// A SYN that has no flow, and any packet of UDP to a frontend, is looked up in the state
// as it is now: a flow of UDP moves when its endpoint is none any more, and no new
// connection goes there. Connections stay.
//
// What is refused goes to port 0 of the node, which nobody can have: its own stack
// answers with a reset, or an ICMP error. Those errors, and any that come for a flow,
// are translated like its packets.
//
// In the microVM (kernel 6.1) a round trip through a VIP takes 3,400 (TCP) and 3,600 (UDP)
// instructions more than the 53,400 and 50,700 of one without programs, at any number of
// Services; 1,900 of them are there for packets that are none of a Service's as well. A
// full sync takes 60 million at ten Services, for maps of fixed size and the verifier's
// work, and 10,700 more for each Service of three endpoints.
//
// Left out against a product (Cilium's kube-proxy replacement):
//   - Packets with IPv4 options, fragments and IPv6 extension headers pass as they
//     are, and so do those of links without an Ethernet header. SCTP is not served.
//   - Flows have no timeout and no one collects them: they are in a map of fixed size,
//     whose longest unused elements go first. When one goes whose connection lives, that
//     may meet another endpoint, and be reset. A flow that is reused by the kernel while
//     a program on another processor reads it is not noticed.
//   - For the same reason a client that dials an endpoint itself, with a port from which it
//     had reached that endpoint through a VIP, gets answers from the VIP, and does not
//     know them.
//   - A client that is masqueraded gets one of 16384 source ports for an endpoint, after
//     8 tries to find one whose connection was closed 10 s before, or has been idle for
//     30 s over UDP. Without one its packet is dropped.
//   - What goes past the node's routing is not fragmented: a datagram that is larger than
//     the endpoint's link takes is dropped.
//   - There is no direct server return, no XDP, and no encapsulation: endpoints are
//     reached by the node's routes.
//   - A process on the node is served as its packets leave. A product does that at its
//     socket (package socket), once for a connection.
//   - A link that comes later is seen by the next Sync, of this process: another one's
//     connections are not taken over.
//
// All maps and programs are file descriptors of this process, and are held by filters
// on the links otherwise. Those stay when the process is killed, with nothing to jump
// to, so that packets pass; they are gone with the namespace.
package tc

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/table"
)

// Choice is how an endpoint is chosen for a new connection.
type Choice int

// The choices.
const (
	Random Choice = iota // each with the same probability
	Maglev               // by a hash of the connection, the same on every node
)

// Backend is the dataplane.
type Backend struct {
	choice Choice
	ids    table.Identities
	maps   *maps
	held   int // a file descriptor of jumps, see hold
	gates  [hooks]*ebpf.Program
	tables *table.Tables // nil unless the kernel has them
}

var (
	_ backends.Backend = (*Backend)(nil)
	_ backends.Applier = (*Backend)(nil)
)

// New makes the Backend. It touches nothing.
func New(c Choice) *Backend { return &Backend{choice: c, held: -1} }

func (b *Backend) kind() table.Kind { return table.Kind{Packets: true, Maglev: b.choice == Maglev} }

// Sync implements backends.Backend. It makes new tables beside those in use, and then
// programs that look there, and exchanges those: no packet sees half of a state.
func (b *Backend) Sync(ctx context.Context, state *backends.State) error {
	if err := state.Check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.prepare(); err != nil {
		return err
	}
	t, err := table.New(ctx, b.kind(), state, &b.ids)
	if err != nil {
		return err
	}
	if err := b.use(t, &state.Node); err != nil {
		t.Close()
		return err
	}
	if b.tables != nil {
		b.tables.Close()
	}
	b.tables = t
	return attach(b.gates)
}

// prepare makes what outlives a state.
func (b *Backend) prepare() (err error) {
	if b.maps != nil {
		return nil
	}
	defer func() {
		if err != nil {
			b.letGo()
		}
	}()
	if b.maps, err = newMaps(); err != nil {
		return err
	}
	for hook := range hooks {
		if b.gates[hook], err = b.maps.gate(hook); err != nil {
			return err
		}
	}
	b.held, err = hold(b.maps.jumps)
	return err
}

// hold keeps a map of programs from being emptied, which the kernel does when its last
// file descriptor is closed: that of the library is when the garbage collector finds
// that nobody uses it any more, and a Backend that nobody uses still serves.
func hold(jumps *ebpf.Map) (int, error) {
	fd, err := unix.FcntlInt(uintptr(jumps.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("keeping a map open: %w", err)
	}
	return fd, nil
}

// programs are those of all hooks over tables, in the order of the map jumps: nil for a
// family that the node does not speak.
func (b *Backend) programs(t *table.Tables, n *backends.Node) [hooks * families]*program {
	var all [hooks * families]*program
	for hook := range hooks {
		for i, f := range backends.Families() {
			if !n.Programs(f) {
				continue
			}
			all[hook*families+i] = &program{
				Program: table.Program{Six: f == backends.IPv6}, maps: b.maps, tables: t, node: n,
				ingress: hook == in, maglev: b.choice == Maglev,
			}
		}
	}
	return all
}

// use leads the gates to programs over tables. All are loaded before any is used.
func (b *Backend) use(t *table.Tables, n *backends.Node) error {
	var loaded [hooks * families]*ebpf.Program
	defer func() {
		for _, p := range loaded {
			p.Close() // the map holds it
		}
	}()
	for i, p := range b.programs(t, n) {
		if p == nil {
			continue
		}
		var err error
		if loaded[i], err = p.load(); err != nil {
			return err
		}
	}
	for i, p := range loaded {
		var err error
		if p != nil {
			err = b.maps.jumps.Put(uint32(i), p)
		} else if err = b.maps.jumps.Delete(uint32(i)); errors.Is(err, ebpf.ErrKeyNotExist) {
			err = nil
		}
		if err != nil {
			return fmt.Errorf("leading the gates to a program: %w", err)
		}
	}
	return nil
}

// letGo closes all that this Backend holds.
func (b *Backend) letGo() {
	if b.held >= 0 {
		unix.Close(b.held)
	}
	for _, p := range b.gates {
		p.Close()
	}
	if b.tables != nil {
		b.tables.Close()
	}
	if b.maps != nil {
		b.maps.close()
	}
	b.held, b.gates, b.tables, b.maps = -1, [hooks]*ebpf.Program{}, nil, nil
}

// Apply implements backends.Applier. Where the tables have no room for the change it
// makes new ones, as Sync does.
func (b *Backend) Apply(ctx context.Context, delta *backends.Delta) error {
	return b.tables.Apply(ctx, delta, &b.ids, b.Sync)
}

// Cleanup implements backends.Backend. It takes the filters away, whichever Backend made
// them.
func (b *Backend) Cleanup(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := detach(); err != nil {
		return err
	}
	b.letGo()
	return nil
}

// Objects counts the elements of the maps that serve the state.
func (b *Backend) Objects(ctx context.Context) (map[string]int, error) { return b.tables.Objects(ctx) }
