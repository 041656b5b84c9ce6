package nftables

import (
	"net/netip"
	"slices"

	"github.com/svcmark/svcmark/backends"
)

// served is how a ServicePort is programmed: which chains it has, and where
// they lead (syncProxyRules of kube-proxy).
type served struct {
	*backends.ServicePort
	backends.Reachable
	f        *family
	protocol string // "tcp"

	// The chains' names, "" for one that is not made.
	cluster, local, external, firewall string
	// internal is the chain that the ClusterIP leads to, "" without endpoints
	// for it; externalPolicy likewise is where external leads in the end.
	internal, externalPolicy string
	// endpoints are the names of All, without a prefix; nil when they have no
	// chains.
	endpoints []string
}

func (f *family) serve(p *backends.ServicePort) *served {
	s := &served{ServicePort: p, Reachable: p.Reachable(f.node), f: f, protocol: protocol(p)}
	plain := plainName(p)
	name := hashed(plain)
	if len(s.Cluster) > 0 {
		s.cluster = "service-" + name
	}
	if len(s.Local) > 0 {
		s.local = "local-" + name
	}
	if s.Any && p.ExternallyAccessible() {
		s.external = "external-" + name
	}
	if len(p.LoadBalancerIPs) > 0 && len(p.SourceRanges) > 0 {
		s.firewall = "firewall-" + name
	}
	s.internal, s.externalPolicy = s.cluster, s.cluster
	if p.InternalLocal {
		s.internal = s.local
	}
	if p.ExternalLocal {
		s.externalPolicy = s.local
	}
	if f.layout.endpointChains(p.AffinitySeconds > 0) {
		s.endpoints = make([]string, len(s.All))
		for i := range s.All {
			s.endpoints[i] = endpointName(plain, &s.All[i])
		}
	}
	return s
}

// endpoint is the name of one of All.
func (s *served) endpoint(e *backends.Endpoint) string {
	i, _ := slices.BinarySearchFunc(s.All, e, func(a backends.Endpoint, b *backends.Endpoint) int { return a.Compare(b) })
	return s.endpoints[i]
}

// chains are all that the ServicePort has, in the order in which kube-proxy
// makes them.
func (s *served) chains() []string {
	chains := make([]string, 0, 4+len(s.endpoints))
	for _, e := range s.endpoints {
		chains = append(chains, "endpoint-"+e)
	}
	for _, c := range []string{s.cluster, s.local, s.external, s.firewall} {
		if c != "" {
			chains = append(chains, c)
		}
	}
	return chains
}

// affinitySets are the sets that hold each endpoint's clients.
func (s *served) affinitySets() []string {
	if len(s.endpoints) == 0 || s.AffinitySeconds == 0 {
		return nil
	}
	sets := make([]string, len(s.endpoints))
	for i, e := range s.endpoints {
		sets[i] = affinityPrefix + e
	}
	return sets
}

// claims are the elements that the ServicePort wants. Of two with one key the
// later counts.
func (s *served) claims(claim func(element, verdict)) {
	internal := element{serviceIPs, s.key(s.ClusterIP, s.Port)}
	claim(element{clusterIPs, s.ClusterIP.String()}, verdict{})
	if s.internal != "" {
		claim(internal, verdict{to: "goto " + s.internal})
	} else {
		claim(element{noEndpointServices, internal.key}, s.refusal())
	}
	for _, a := range s.ExternalIPs {
		s.claimExternal(claim, serviceIPs, noEndpointServices, s.key(a, s.Port))
	}
	for _, a := range s.LoadBalancerIPs {
		key := s.key(a, s.Port)
		s.claimExternal(claim, serviceIPs, noEndpointServices, key)
		if s.firewall != "" {
			claim(element{firewallIPs, key}, verdict{to: "goto " + s.firewall})
		}
	}
	if s.NodePort != 0 {
		s.claimExternal(claim, serviceNodePorts, noEndpointNodePorts, s.protocol+" . "+decimal(s.NodePort))
	}
	if !s.f.layout.hairpins() {
		return
	}
	for i := range s.All {
		if e := &s.All[i]; e.Local {
			ip := e.Addr.Addr()
			claim(element{hairpinConnections, ip.String() + " . " + s.key(ip, e.Addr.Port())}, verdict{})
		}
	}
}

// claimExternal claims an address or a port that leads in from outside. With
// the policy Local and endpoints on other nodes alone it leads to the external
// chain, for traffic of pods and the node itself, and is refused to others.
func (s *served) claimExternal(claim func(element, verdict), dispatch, refuse container, key string) {
	if s.external != "" {
		claim(element{dispatch, key}, verdict{to: "goto " + s.external})
	}
	if s.externalPolicy == "" {
		claim(element{refuse, key}, s.refusal())
	}
}

// refusal is what becomes of traffic that no endpoint may get: it is rejected
// when there is none anywhere, and dropped when only the policy forbids it.
func (s *served) refusal() verdict {
	if s.Any {
		return verdict{"drop", s.String()}
	}
	return verdict{"goto " + rejectChain, s.String()}
}

// key is an address, protocol and port as nft writes and prints them.
func (s *served) key(a netip.Addr, port uint16) string {
	return a.String() + " . " + s.protocol + " . " + decimal(port)
}
