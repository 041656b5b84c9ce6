package ipvs

// Schedulers are the schedulers of IPVS by the names that Options take, each of
// them the kernel's module ip_vs_NAME (net/netfilter/ipvs/ip_vs_NAME.c). A kernel
// has some of them: Debian's lack twos, the youngest.
func Schedulers() []string {
	return []string{
		"rr", "wrr", // in turn
		"lc", "wlc", "sed", "nq", "twos", // by the connections that there are
		"lblc", "lblcr", "dh", // by the destination
		"sh", "mh", // by the source
		"fo", "ovf", // one while it can
	}
}

// module is the kernel's module of a scheduler.
func module(scheduler string) string { return "ip_vs_" + scheduler }

// realServers are those that a virtual server should have.
type realServers struct {
	dests   []dest          // no two equal
	weights map[dest]uint32 // of those that have another than 1, nil without any
}

// weight is the weight that a real server has while it is in use.
func (r *realServers) weight(d dest) uint32 {
	if w, ok := r.weights[d]; ok {
		return w
	}
	return 1 // as kube-proxy gives each (syncEndpoint in pkg/proxy/ipvs/proxier.go)
}
