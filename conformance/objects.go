package conformance

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/apiclient"
	"github.com/svcmark/svcmark/cluster"
	"github.com/svcmark/svcmark/scenarios"
)

// Objects are a cluster as kube-proxy learns of it.
type Objects struct{ apiclient.Objects }

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
