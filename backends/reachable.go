package backends

import "slices"

// Reachable are the endpoints that a node sends a ServicePort's traffic to, by
// traffic policy.
type Reachable struct {
	// Cluster are those of the policy Cluster, nil when the ServicePort never
	// uses that policy or has none.
	Cluster []Endpoint
	// Local are those of the policy Local, nil likewise.
	Local []Endpoint
	// All is the union of both, in the order of Endpoint.Compare.
	All []Endpoint
	// Any says that some node has a usable endpoint, even if none is in All.
	Any bool
}

// Reachable picks the endpoints that the node uses, as CategorizeEndpoints of
// kube-proxy 1.36 does (pkg/proxy/topology.go): ready ones that the hints mean
// for the node, or else, when no endpoint is ready at all, those that are
// serving while they terminate; the policy Local chooses likewise, by itself,
// and pays no heed to hints. The lists share memory with p.Endpoints where they
// can.
func (p *ServicePort) Reachable(n *Node) Reachable {
	var r Reachable
	if len(p.Endpoints) == 0 {
		return r
	}
	external := p.ExternallyAccessible()
	usesCluster := !p.InternalLocal || external // Local traffic from inside takes a short cut to all endpoints
	usesLocal := p.InternalLocal || p.ExternalLocal && external
	hinted := meantFor(nil)
	if usesCluster {
		hinted = p.hinted(n)
		r.Cluster = pick(p.Endpoints, func(e *Endpoint) bool { return e.Ready() && (hinted == nil || hinted(e.Hints)) })
		if len(r.Cluster) == 0 {
			r.Cluster = pick(p.Endpoints, func(e *Endpoint) bool { return e.ServingTerminating() })
		}
		r.Any = len(r.Cluster) > 0
	}
	if !usesLocal {
		r.All = r.Cluster
		return r
	}
	r.Any = r.Any || slices.ContainsFunc(p.Endpoints, func(e Endpoint) bool { return e.Ready() || e.ServingTerminating() })
	r.Local = pick(p.Endpoints, func(e *Endpoint) bool { return e.Local && e.Ready() })
	terminating := false
	if len(r.Local) == 0 {
		r.Local = pick(p.Endpoints, func(e *Endpoint) bool { return e.Local && e.ServingTerminating() })
		terminating = len(r.Local) > 0
	}
	switch {
	case !usesCluster:
		r.All = r.Local
	case hinted == nil && !terminating:
		r.All = r.Cluster // every ready endpoint, the local ones among them
	default:
		r.All = union(r.Cluster, r.Local)
	}
	return r
}

// meantFor says whether an endpoint with these hints is meant for the node.
type meantFor func(*Hints) bool

// hinted is how the hints choose among the ready endpoints, nil when they do
// not: hints count only when every ready endpoint has one of the kind and some
// are for this node, or else for its zone (topologyModeFromHints).
func (p *ServicePort) hinted(n *Node) meantFor {
	nodes, zones := true, true // every ready endpoint has such a hint
	node, zone := false, false // some ready endpoint is meant for it
	ready := false
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		if !e.Ready() {
			continue
		}
		ready = true
		if e.Hints == nil {
			return nil
		}
		nodes = nodes && len(e.Hints.Nodes) > 0
		zones = zones && len(e.Hints.Zones) > 0
		node = node || slices.Contains(e.Hints.Nodes, n.Name)
		zone = zone || slices.Contains(e.Hints.Zones, n.Zone)
	}
	switch {
	case !ready:
		return nil
	case nodes && node:
		return func(h *Hints) bool { return slices.Contains(h.Nodes, n.Name) }
	case zones && zone:
		return func(h *Hints) bool { return slices.Contains(h.Zones, n.Zone) }
	}
	return nil
}

// pick is the endpoints that are wanted: all itself when that is every one,
// which spares the ordinary Service a copy, and nil when it is none.
func pick(all []Endpoint, want func(*Endpoint) bool) []Endpoint {
	n := 0
	for i := range all {
		if want(&all[i]) {
			n++
		}
	}
	switch n {
	case len(all):
		return all
	case 0:
		return nil
	}
	picked := make([]Endpoint, 0, n)
	for i := range all {
		if want(&all[i]) {
			picked = append(picked, all[i])
		}
	}
	return picked
}

// union merges two sorted lists, each endpoint once.
func union(a, b []Endpoint) []Endpoint {
	all := make([]Endpoint, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		c := a[0].Compare(&b[0])
		if c <= 0 {
			all, a = append(all, a[0]), a[1:]
		} else {
			all = append(all, b[0])
		}
		if c >= 0 {
			b = b[1:]
		}
	}
	return append(append(all, a...), b...)
}
