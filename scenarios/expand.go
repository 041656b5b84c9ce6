package scenarios

import (
	"net/netip"
	"slices"

	"github.com/svcmark/svcmark/backends"
)

// Expand is what the node should serve: a ServicePort for each port of each
// Service in each family that it has a ClusterIP of and the node an address, as
// kube-proxy 1.36 makes them (pkg/proxy/serviceport.go and
// endpointslicecache.go). kube-proxy itself looks at the kernel and not at the
// node's addresses to find out which families it serves; a lab's node has an
// address of each family that it is to serve. Services that no node serves are
// in State.Unserved.
// ServicePorts are in the order of the Services, each Service's in the order of
// its ports; sort them for another.
//
// The Services must be such as the API server would hold.
func Expand(node backends.Node, services []Service) *backends.State {
	state := &backends.State{Node: node, Services: make([]backends.ServicePort, 0, len(services))}
	for i := range services {
		s := &services[i]
		if reason := s.unserved(); reason != "" {
			state.Unserved = append(state.Unserved, backends.Unserved{Namespace: s.Namespace, Name: s.Name, Reason: reason})
			continue
		}
		for _, ip := range s.ClusterIPs {
			if !node.Addr(backends.FamilyOf(ip)).IsValid() {
				continue
			}
			for j := range s.Ports {
				port := s.servicePort(&s.Ports[j])
				port.ClusterIP = ip
				s.addresses(&port)
				port.Endpoints = s.endpoints(&s.Ports[j], port.Family(), node.Name)
				state.Services = append(state.Services, port)
			}
		}
	}
	return state
}

// Served reports whether kube-proxy programs the Service at all.
func (s *Service) Served() bool { return s.unserved() == "" }

// unserved is why no node serves the Service, "" when each does
// (ShouldSkipService in pkg/proxy/util/utils.go).
func (s *Service) unserved() string {
	switch {
	case s.OtherProxy:
		return "left to another proxy"
	case s.Type == ExternalName:
		return "ExternalName"
	case len(s.ClusterIPs) == 0:
		return "headless"
	}
	return ""
}

// servicePort has what does not depend on the family.
func (s *Service) servicePort(p *Port) backends.ServicePort {
	return backends.ServicePort{
		Namespace: s.Namespace, Name: s.Name, PortName: p.Name,
		Protocol: backends.Protocol(p.Protocol), Port: p.Port, NodePort: p.NodePort,
		InternalLocal: s.InternalLocal,
		// kube-proxy looks at externalTrafficPolicy only where there is a way
		// in from outside: by type or by external IPs (pkg/api/service).
		ExternalLocal:       s.ExternalLocal && s.ExternallyAccessible(),
		AffinitySeconds:     s.AffinitySeconds,
		HealthCheckNodePort: s.healthCheckNodePort(),
	}
}

// ExternallyAccessible reports whether the API takes the Service for one that is reachable
// from outside (ExternallyAccessible in pkg/api/service/util.go).
func (s *Service) ExternallyAccessible() bool {
	return s.Type == LoadBalancer || s.Type == NodePort || s.Type == ClusterIP && len(s.ExternalIPs) > 0
}

// healthCheckNodePort follows NeedsHealthCheck in pkg/api/service/util.go.
func (s *Service) healthCheckNodePort() uint16 {
	if s.Type != LoadBalancer || !s.ExternalLocal {
		return 0
	}
	return s.HealthCheckNodePort
}

// addresses gives the port the Service's addresses of its family. A source
// range of length 0 admits everybody, and so all.
func (s *Service) addresses(p *backends.ServicePort) {
	f := p.Family()
	for _, a := range s.ExternalIPs {
		if backends.FamilyOf(a) == f {
			p.ExternalIPs = append(p.ExternalIPs, a)
		}
	}
	for _, in := range s.Ingress {
		if !in.Proxy && backends.FamilyOf(in.Addr) == f {
			p.LoadBalancerIPs = append(p.LoadBalancerIPs, in.Addr)
		}
	}
	for _, r := range s.SourceRanges {
		if backends.FamilyOf(r.Addr()) != f {
			continue
		}
		if r.Bits() == 0 {
			p.SourceRanges = nil
			return
		}
		p.SourceRanges = append(p.SourceRanges, r.Masked())
	}
}

// endpoints are the port's, of one family, sorted. Where an address comes twice
// the later one counts, unless it is terminating: a pod that goes does not hide
// its successor (addEndpoints in pkg/proxy/endpointslicecache.go).
func (s *Service) endpoints(p *Port, f backends.Family, node string) []backends.Endpoint {
	all := func(yield func(e *Endpoint, port uint16) bool) {
		for i := range s.Endpoints {
			set := &s.Endpoints[i]
			for _, target := range set.Ports {
				if target.Name != p.Name || target.Protocol != p.Protocol {
					continue
				}
				for j := range set.Endpoints {
					if e := &set.Endpoints[j]; backends.FamilyOf(e.Addr) == f && !yield(e, target.Port) {
						return
					}
				}
			}
		}
	}
	n := 0
	for range all {
		n++
	}
	if n == 0 {
		return nil
	}
	list := make([]backends.Endpoint, 0, n) // a State may hold millions
	for e, port := range all {
		list = append(list, e.expand(port, node))
	}
	slices.SortStableFunc(list, func(a, b backends.Endpoint) int { return a.Compare(&b) })
	unique := list[:0]
	for _, e := range list {
		last := len(unique) - 1
		switch {
		case last < 0 || unique[last].Addr != e.Addr:
			unique = append(unique, e)
		case e.Conditions&backends.Terminating == 0:
			unique[last] = e
		}
	}
	return unique
}

func (e *Endpoint) expand(port uint16, node string) backends.Endpoint {
	x := backends.Endpoint{
		Addr:  netip.AddrPortFrom(e.Addr, port),
		Local: e.Node != "" && e.Node == node, Weight: e.Weight,
	}
	for _, c := range []struct {
		set  bool
		flag backends.Conditions
	}{{e.NotReady, backends.NotReady}, {e.NotServing, backends.NotServing}, {e.Terminating, backends.Terminating}} {
		if c.set {
			x.Conditions |= c.flag
		}
	}
	if len(e.Zones)+len(e.Nodes) > 0 {
		x.Hints = &backends.Hints{Zones: e.Zones, Nodes: e.Nodes}
	}
	return x
}
