package conformance

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/cluster"
	"github.com/svcmark/svcmark/scenarios"
)

// Objects are everything that a kube-proxy learns: what the API server holds,
// and what of its configuration makes a difference to its rules.
type Objects struct {
	Node           corev1.Node
	Services       []corev1.Service
	EndpointSlices []discoveryv1.EndpointSlice
	ServiceCIDRs   []networkingv1.ServiceCIDR
	// ClusterCIDR is kube-proxy's clusterCIDR: "", a prefix, or one a family with
	// a comma between.
	ClusterCIDR string
}

// State is what a backend is to program for the Objects.
func (o *Objects) State() (*backends.State, error) {
	b := cluster.NewBuilder()
	b.Node(&o.Node)
	for i := range o.Services {
		b.Service(&o.Services[i])
	}
	for i := range o.EndpointSlices {
		b.EndpointSlice(&o.EndpointSlices[i])
	}
	c, err := b.Cluster()
	if err != nil {
		return nil, err
	}
	node := backends.Node{Name: c.Nodes[0].Name, Zone: c.Nodes[0].Zone, Addrs: c.Nodes[0].Addrs}
	if len(node.Addrs) == 0 {
		return nil, errors.New("the Node has no address")
	}
	if node.ClusterCIDRs, err = prefixes(strings.FieldsFunc(o.ClusterCIDR, func(r rune) bool { return r == ',' })); err != nil {
		return nil, fmt.Errorf("clusterCIDR: %w", err)
	}
	var serviceCIDRs []string
	for i := range o.ServiceCIDRs {
		serviceCIDRs = append(serviceCIDRs, o.ServiceCIDRs[i].Spec.CIDRs...)
	}
	if node.ServiceCIDRs, err = prefixes(serviceCIDRs); err != nil {
		return nil, fmt.Errorf("the ServiceCIDRs: %w", err)
	}
	state := scenarios.Expand(node, c.Services)
	return state, state.Check()
}

func prefixes(texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}
