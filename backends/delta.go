package backends

import (
	"reflect"
	"slices"
)

// Delta leads from one State to another.
type Delta struct {
	From, To *State
	// Changes are the ServicePorts that differ, each once, removed ones first
	// and then in the order of To. What a change costs beyond them is the
	// dataplane's own affair.
	Changes []Change
}

// Change is one ServicePort before and after.
type Change struct {
	Old *ServicePort // nil: it is added
	New *ServicePort // nil: it is removed
}

// SameNode reports whether the node is the same in both States. kube-proxy
// answers a change of its node with a full sync.
func (d *Delta) SameNode() bool { return reflect.DeepEqual(d.From.Node, d.To.Node) }

// Diff finds what differs. It looks at every ServicePort of both States: a
// caller that times what follows calls it before.
func Diff(from, to *State) *Delta {
	d := &Delta{From: from, To: to}
	old := make(map[Key]*ServicePort, len(from.Services))
	for i := range from.Services {
		p := &from.Services[i]
		old[p.Key()] = p
	}
	var changed []Change
	for i := range to.Services {
		p := &to.Services[i]
		was := old[p.Key()]
		delete(old, p.Key())
		if was == nil || !was.equal(p) {
			changed = append(changed, Change{was, p})
		}
	}
	for i := range from.Services {
		if p := &from.Services[i]; old[p.Key()] == p {
			d.Changes = append(d.Changes, Change{p, nil})
		}
	}
	d.Changes = append(d.Changes, changed...)
	return d
}

// equal reports whether the two are the same in everything.
func (p *ServicePort) equal(q *ServicePort) bool {
	return p.Key() == q.Key() && p.ClusterIP == q.ClusterIP && p.Port == q.Port && p.NodePort == q.NodePort &&
		slices.Equal(p.ExternalIPs, q.ExternalIPs) && slices.Equal(p.LoadBalancerIPs, q.LoadBalancerIPs) &&
		slices.Equal(p.SourceRanges, q.SourceRanges) &&
		p.InternalLocal == q.InternalLocal && p.ExternalLocal == q.ExternalLocal &&
		p.HealthCheckNodePort == q.HealthCheckNodePort && p.AffinitySeconds == q.AffinitySeconds &&
		slices.EqualFunc(p.Endpoints, q.Endpoints, func(a, b Endpoint) bool {
			return a.Addr == b.Addr && a.Local == b.Local && a.Conditions == b.Conditions && a.Weight == b.Weight && a.Hints.equal(b.Hints)
		})
}

func (h *Hints) equal(g *Hints) bool {
	if h == nil || g == nil {
		return h == g
	}
	return slices.Equal(h.Zones, g.Zones) && slices.Equal(h.Nodes, g.Nodes)
}
