// Package cluster turns what a Kubernetes API server holds into the Services of
// a scenario, and back. It takes over every field that kube-proxy 1.36 makes
// rules of, and refuses whatever the API itself would refuse: names from a
// cluster end up in the input of other programs.
package cluster

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/svcmark/svcmark/scenarios"
)

// Cluster is what a node's dataplane depends on.
type Cluster struct {
	// Services are sorted by namespace and name. Those that no node serves have
	// no endpoints here.
	Services []scenarios.Service
	Nodes    []Node // sorted by name
	// PassedOver counts the objects that kube-proxy pays no heed to, by what
	// they are, such as "EndpointSlices without a Service".
	PassedOver map[string]int
}

// Node is a machine of the cluster.
type Node struct {
	Name     string
	Zone     string         // label topology.kubernetes.io/zone, "" without
	Addrs    []netip.Addr   // InternalIPs, or ExternalIPs of a node that has none
	PodCIDRs []netip.Prefix // at most one a family
}

// Services converts objects. The error is a Mistakes; Services come sorted by
// namespace and name.
func Services(services []corev1.Service, slices []discoveryv1.EndpointSlice) ([]scenarios.Service, error) {
	b := NewBuilder()
	for i := range services {
		b.Service(&services[i])
	}
	for i := range slices {
		b.EndpointSlice(&slices[i])
	}
	c, err := b.Cluster()
	if err != nil {
		return nil, err
	}
	return c.Services, nil
}
