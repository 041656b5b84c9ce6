package backendtest

import "github.com/svcmark/svcmark/backends"

// A Column is a backend in the table of behaviours, by its name in scenarios.
type Column string

// The columns.
const (
	Direct         Column = "direct"
	EBPFSocket     Column = "ebpf-socket"
	EBPFTC         Column = "ebpf-tc"
	IPTablesLegacy Column = "iptables-legacy"
	IPTablesNFT    Column = "iptables-nft"
	IPVS           Column = "ipvs"
	NFTables       Column = "nftables"
	NFTables131    Column = "nftables@1.31"
	Userspace      Column = "userspace"
)

// Columns are all of them in the table's order.
func Columns() []Column {
	return []Column{Direct, EBPFSocket, EBPFTC, IPTablesLegacy, IPTablesNFT, IPVS, NFTables, NFTables131, Userspace}
}

// An Outcome is what a behaviour comes to, as the table says it.
type Outcome string

// The outcomes. An answer is always one of the right endpoint, and of each of
// them in turn when there are several; a wrong answer is no outcome but an error.
const (
	NA       Outcome = "n/a"
	Yes      Outcome = "yes"
	AsItself Outcome = "answered" // and the endpoint sees the client's own address
	AsNode   Outcome = "masqueraded"
	TCPAlone Outcome = "masqueraded over TCP"
	Refused  Outcome = "refused" // at once: a reset or an ICMP error
	Silent   Outcome = "silence"
	Dropped  Outcome = "taken and dropped"
	PassedOn Outcome = "passed on" // the packet leaves the node as it came
	AtRandom Outcome = "at random"
	InTurn   Outcome = "in turn"
	Every    Outcome = "every endpoint"
	OnNode   Outcome = "those on the node"
	OffNode  Outcome = "those on other nodes"

	AtTimeout Outcome = "at its timeout"
	Later     Outcome = "later"
	Stays     Outcome = "no: it stays"
)

// A behaviour is one thing that the clients of Services can see: a row of the
// table, and a test of every backend in each family.
type behaviour struct {
	group string
	name  string // a test's name
	says  string // what is done, for the table
	only  backends.Family
	// services are what the behaviour needs programmed. All behaviours' are
	// programmed at once, beside each other.
	services func(addresses) []backends.ServicePort
	// prepare does what must come before a change; nil for nothing.
	prepare func(*trial) error
	// change gives what the services become before they are observed; nil for
	// what they were.
	change func(*trial) []backends.ServicePort
	// observe asks, and says what came of it.
	observe func(*trial) (Outcome, error)
	want    want
}

// want is what each backend does.
type want struct {
	rest   Outcome
	except map[Column]Outcome
}

func all(o Outcome) want { return want{rest: o} }

// The column of ebpf-socket says what a machine outside meets when no program sees
// its packets (a NodePort is a closed port of the node, and any other address is
// nobody's), and that sockets are connected to endpoints themselves, with nobody
// in between to masquerade, to drop or to move them. That of ebpf-tc differs in the
// NodePorts' addresses, which are the node's that the State lists as with nftables, and
// leaves SCTP alone: the kernel's helpers do not know its checksum.

// but is the same with another outcome for some columns.
func (w want) but(o Outcome, columns ...Column) want {
	except := map[Column]Outcome{}
	for c, was := range w.except {
		except[c] = was
	}
	for _, c := range columns {
		except[c] = o
	}
	return want{w.rest, except}
}

func (w want) of(c Column) Outcome {
	if c == Direct {
		return NA // its clients dial an endpoint
	}
	if o, ok := w.except[c]; ok {
		return o
	}
	return w.rest
}

// in reports whether the behaviour is one of a family.
func (b *behaviour) in(f backends.Family) bool { return b.only == "" || b.only == f }

// behaviours are all rows in the table's order.
func behaviours() []behaviour {
	var all []behaviour
	for _, group := range []struct {
		name string
		rows []behaviour
	}{
		{"Which endpoint answers", whichEndpoint()},
		{"Session affinity", affinity()},
		{"Nobody to answer", nobody()},
		{"NodePort", nodePorts()},
		{"Load balancers and external IPs", balancers()},
		{"Flows that are open", flows()},
		{"SCTP", sctp()},
	} {
		for _, b := range group.rows {
			b.group = group.name
			all = append(all, b)
		}
	}
	return all
}
