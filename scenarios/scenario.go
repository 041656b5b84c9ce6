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
	Limits   []Limit  // sorted by backend, at most one each
	Measure  []string // what to measure, at least one
	// Operations is how many connects, requests or round trips a packet
	// measurement makes at each position; 200 by default.
	Operations int
	// Repeat is how often each point is measured; 0 leaves it to the clock (an
	// exact clock needs no repetition, a noisy one several).
	Repeat  int
	Network Network
}

// Metadata names a scenario.
type Metadata struct {
	Name        string // a DNS label
	Description string // the question that the scenario answers; may be empty
}

// Services is the shape of the Services.
type Services struct {
	Count []int // how many Services; an axis, at least one value
	// Endpoints is how many endpoints each Service has; an axis, at least one
	// value. A distribution, which the file would give as a mapping, is a
	// field beside it to come.
	Endpoints []int
	Mix       Mix
	Protocols Protocols
}

// Mix is the share of each type of Service in percent; the sum is 100.
type Mix struct{ ClusterIP int }

// Protocols is the share of the Services that have each protocol, in percent;
// the sum is 100. 90 and 10 by default.
type Protocols struct{ TCP, UDP int }

// Limit keeps a backend out of points that would take it too long.
type Limit struct {
	Backend  string
	Services int // the backend runs at no more Services than these
}

// Network is the cluster's address plan, IPv4.
type Network struct {
	ServiceCIDR netip.Prefix // holds every ClusterIP; 10.96.0.0/12 by default, as kubeadm's
	ClusterCIDR netip.Prefix // holds every pod, dealt out as backends.Node says; 10.128.0.0/9 by default
}

// Known are the names that a scenario may use. A nil list accepts every
// well-formed name: readers of old runs need no registry. Backends and
// Measurements that are not nil must hold well-formed names.
type Known struct {
	Backends     []string
	Measurements []string
}

func defaults() *Scenario {
	return &Scenario{
		Seed: 1,
		Services: Services{
			Mix:       Mix{ClusterIP: 100},
			Protocols: Protocols{TCP: 90, UDP: 10},
		},
		Operations: 200,
		Network: Network{
			ServiceCIDR: netip.MustParsePrefix("10.96.0.0/12"),
			ClusterCIDR: netip.MustParsePrefix("10.128.0.0/9"),
		},
	}
}
