package backends

import (
	"bytes"
	"net/netip"
	"slices"
)

// Endpoint is one endpoint of a ServicePort. With an address alone it is a
// ready one on another node.
type Endpoint struct {
	Addr  netip.AddrPort
	Local bool // on the node whose dataplane is programmed
	Conditions
	// Weight is how many shares of a Service's connections the endpoint should get,
	// beside others; 0 stands for 1. Kubernetes has no such thing: backends that
	// cannot weigh, which are all but IPVS, pass over it.
	Weight uint16
	Hints  *Hints // nil without hints
}

// Conditions are an EndpointSlice's conditions of an endpoint, as what they
// take away from one that is ready: the zero value is the ordinary endpoint.
type Conditions uint8

// The conditions.
const (
	// NotReady endpoints get traffic only while none is ready, and only when
	// they are serving and terminating. An endpoint of a Service that publishes
	// addresses which are not ready is ready, whatever else it is.
	NotReady Conditions = 1 << iota
	// NotServing endpoints have failed their readiness.
	NotServing
	// Terminating endpoints are going away.
	Terminating
)

// Ready reports whether the endpoint takes new traffic.
func (c Conditions) Ready() bool { return c&NotReady == 0 }

// Serving reports whether the endpoint can answer, terminating or not.
func (c Conditions) Serving() bool { return c&NotServing == 0 }

// ServingTerminating reports whether the endpoint is what kube-proxy falls back
// to when no endpoint is ready.
func (c Conditions) ServingTerminating() bool { return c.Serving() && c&Terminating != 0 }

// Hints say for whom the EndpointSlice controller meant an endpoint.
type Hints struct {
	Zones []string
	Nodes []string
}

// Compare orders endpoints as kube-proxy does, by the text of address and port
// (byEndpoint in pkg/proxy/endpointslicecache.go): 10.0.0.10:80 comes before
// 10.0.0.2:80. The order decides which rule gets which probability.
func (e *Endpoint) Compare(f *Endpoint) int { return CompareAddrPorts(e.Addr, f.Addr) }

// CompareAddrPorts is the order of Endpoint.Compare.
func CompareAddrPorts(a, b netip.AddrPort) int {
	if alike(a, b) {
		return a.Compare(b)
	}
	var s, t [48]byte // the longest IPv6 address, brackets and a port
	return bytes.Compare(a.AppendTo(s[:0]), b.AppendTo(t[:0]))
}

// SortEndpoints puts endpoints into the order of Endpoint.Compare.
func SortEndpoints(endpoints []Endpoint) {
	slices.SortFunc(endpoints, func(a, b Endpoint) int { return a.Compare(&b) })
}

// alike reports whether the texts of two IPv4 addresses and ports have each
// number at the same place, for then their order is that of the numbers, which
// is a tenth of the work.
func alike(a, b netip.AddrPort) bool {
	if !a.Addr().Is4() || !b.Addr().Is4() {
		return false
	}
	x, y := a.Addr().As4(), b.Addr().As4()
	for i := range x {
		if digits(uint16(x[i])) != digits(uint16(y[i])) {
			return false
		}
	}
	return digits(a.Port()) == digits(b.Port())
}

func digits(n uint16) int {
	switch {
	case n < 10:
		return 1
	case n < 100:
		return 2
	case n < 1000:
		return 3
	case n < 10000:
		return 4
	}
	return 5
}
