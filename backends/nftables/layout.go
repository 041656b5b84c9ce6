package nftables

// Layout is how a version of kube-proxy lays its rules out. The two serve every
// Service alike and differ in what they make of it.
type Layout string

// The layouts, each under the first version of kube-proxy that has it.
const (
	// Layout136 has one rule a Service, which picks the endpoint's address from
	// a map; only session affinity needs a chain an endpoint.
	Layout136 Layout = "1.36"
	// Layout131 has a chain an endpoint for every Service. It is that of
	// v1.35.4, which programs what v1.34 does. Before, a ClusterIP's masquerade
	// rule matched the port too (up to 1.33); and up to 1.32 all filter chains
	// lay before DNAT, priority -110, filter-prerouting among them, and a chain
	// filter-output-post-dnat, priority -90, led to cluster-ips-check.
	Layout131 Layout = "1.31"
)

// endpointChains reports whether a Service's endpoints have chains.
func (l Layout) endpointChains(affinity bool) bool { return l == Layout131 || affinity }

// hairpins reports whether local endpoints are in the set hairpin-connections,
// instead of a rule in the endpoint's chain.
func (l Layout) hairpins() bool { return l == Layout136 }
