// Package scenarios says what to run: it reads scenario files strictly, expands
// them to the points of their matrix, and generates, from a seed, the Services
// that a point's node should serve. All of it is pure data and pure functions;
// nothing here knows a concrete backend, measurement or lab.
package scenarios

import "net/netip"

// What the first two lines of every scenario file say.
const (
	APIVersion = "svcmark/v1"
	Kind       = "Scenario"
)

// Scenario is one experiment. Parse, Load and With return only valid ones, with
// every default filled in; a Scenario made by hand is not checked.
type Scenario struct {
	Metadata Metadata
	Seed     uint64 // decides every generated name and address; 1 by default
	Services Services
	Backends []string // an axis, at least one
	// Programs are those of Backends that the scenario defines, in their order.
	Programs []Program
	Limits   []Limit  // sorted by backend, at most one each
	Measure  []string // what to measure, at least one
	// Operations is how many connects, requests or round trips a packet
	// measurement makes at each position; 200 by default.
	Operations int
	Traffic    Traffic
	Churn      Churn
	// Repeat is how often each point is measured; 0 leaves it to the clock (an
	// exact clock needs no repetition, a noisy one several).
	Repeat  int
	Network Network
	Node    Node
}

// Metadata names a scenario.
type Metadata struct {
	Name        string // a DNS label
	Description string // the question that the scenario answers; may be empty
}

// Services is the shape of the Services: a List, or all that the generator
// needs.
type Services struct {
	Count []int // how many Services; an axis, at least one value
	// Endpoints is how many endpoints each Service has; an axis, at least one
	// value.
	Endpoints []int
	Mix       Mix
	Protocols Protocols
	Policies  Policies
	// Weights are dealt in turn over each Service's endpoints, 1 to 65535 each; none
	// stands for 1 each. Only a backend that can weigh endpoints heeds them.
	Weights []int

	// List is every Service, written out. With it all else here but Times is zero, and
	// the number of endpoints is no axis.
	List []Service
	// Times are how often the list is taken, each copy with addresses and names of its
	// own: an axis. nil is once.
	Times []int
}

// Mix is the share of each type of Service in percent; the sum is 100.
type Mix struct{ ClusterIP, NodePort, LoadBalancer, ExternalName, Headless int }

// Protocols is the share of the Services of each type that have each protocol,
// in percent; the sum is 100. 90, 10 and 0 by default.
type Protocols struct{ TCP, UDP, SCTP int }

// Policies are shares in percent of the Services, or of the endpoints, that have
// what Kubernetes leaves to their owners; 0 by default.
type Policies struct {
	ExternalTrafficPolicyLocal int // of the Services of type NodePort and LoadBalancer
	InternalTrafficPolicyLocal int // of those that are served: neither ExternalName nor headless
	SessionAffinity            int // ClientIP, of those that are served
	AffinitySeconds            int // the timeout, in seconds and no share; 10800 by default
	ExternalIPs                int // one a family, of those that are served
	SourceRanges               int // of the LoadBalancers
	ProxyIPMode                int // of the LoadBalancers, the others have ipMode VIP
	NoNodePorts                int // of the LoadBalancers
	SeveralPorts               int // three instead of one, of those that are served
	SingleStack                int // of those that are served, in a network of two families
	NoEndpoints                int // of those that are served
	ZoneHints                  int // of those that are served, on every endpoint
	NodeHints                  int // likewise
	LocalEndpoints             int // of the endpoints: on the node itself
	NotReady                   int // of the endpoints
	Terminating                int // of the endpoints, serving until they are gone
}

// Limit keeps a backend out of points that would take it too long.
type Limit struct {
	Backend  string
	Services int // the backend runs at no more Services than these
}

// Network is the cluster's address plan: one range, or one of each family, of
// which the first is that of every Service's first ClusterIP.
type Network struct {
	ServiceCIDRs []netip.Prefix // hold every ClusterIP; 10.96.0.0/12 by default, as kubeadm's
	// ClusterCIDRs hold every pod, dealt out as backends.Node says; 10.128.0.0/9
	// by default. Only a List can do without.
	ClusterCIDRs []netip.Prefix
}

// Node is the node whose dataplane is programmed.
type Node struct {
	Name string // node-0 by default
	Zone string // none by default
	// Addrs are the node's addresses, the first of a family its InternalIP; nil
	// stands for the lab's own in the network's families.
	Addrs []netip.Addr
}

// Known are the names that a scenario may use. A nil list accepts every
// well-formed name: readers of old runs need no registry. Backends and
// Measurements that are not nil must hold well-formed names.
type Known struct {
	Backends     []string
	Measurements []string
	// Program, if set, says why a program that is well-formed cannot be run.
	Program func(*Program) error
}

func defaults() *Scenario {
	return &Scenario{
		Seed: 1,
		Services: Services{
			Mix:       Mix{ClusterIP: 100},
			Protocols: Protocols{TCP: 90, UDP: 10},
			Policies:  Policies{AffinitySeconds: defaultAffinity},
		},
		Operations: 200,
		Traffic:    DefaultTraffic(),
		Churn:      DefaultChurn(),
		Network: Network{
			ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
			ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9")},
		},
		Node: Node{Name: defaultNode},
	}
}

const (
	defaultNode     = "node-0"
	defaultAffinity = 10800 // seconds, as the API's
)
