package nftables

import "github.com/svcmark/svcmark/backends"

// rules writes the rules of all the ServicePort's chains, which are empty.
func (s *served) rules(w *script) {
	if s.f.layout == Layout131 && s.internal != "" && s.f.notPod() != "" {
		w.rule(s.internal, "", s.f.ip, " daddr ", s.ClusterIP.String(), " ", s.f.notPod(), " jump "+markForMasquerade)
	}
	if s.external != "" {
		s.externalRules(w)
	}
	if s.firewall != "" {
		s.firewallRule(w)
	}
	for _, policy := range []struct {
		chain string
		to    []backends.Endpoint
	}{{s.cluster, s.Cluster}, {s.local, s.Local}} {
		switch {
		case policy.chain == "":
		case s.endpoints == nil:
			s.translate(w, policy.chain, policy.to)
		default:
			s.pick(w, policy.chain, policy.to)
		}
	}
	for i, name := range s.endpoints {
		s.endpointRules(w, name, &s.All[i])
	}
}

func (s *served) externalRules(w *script) {
	masquerade := setMark
	if s.f.layout == Layout131 {
		masquerade = "jump " + markForMasquerade
	}
	switch {
	case s.ExternalLocal:
		// Endpoints on this node alone see the client's address, but for
		// traffic that the node itself or its pods send, which is led as if it
		// went out to the load balancer and came back.
		if isPod := s.f.isPod(); isPod != "" {
			w.rule(s.external, "short-circuit pod traffic", isPod, " goto ", s.cluster)
		}
		const own = "fib saddr type local "
		w.rule(s.external, "masquerade local traffic", own, masquerade)
		w.rule(s.external, "short-circuit local traffic", own, "goto ", s.cluster)
	case s.f.layout == Layout131:
		w.rule(s.external, "", masquerade)
	default:
		w.rule(s.external, "masquerade", masquerade)
	}
	if s.externalPolicy != "" {
		w.rule(s.external, "", "goto ", s.externalPolicy)
	}
}

// firewallRule drops what comes from outside the source ranges. When the node
// is within them so are the load balancer's addresses: the node may have them
// as its own, and then its packets to one come from it.
func (s *served) firewallRule(w *script) {
	w.cmd("add rule").str(s.firewall, " ", s.f.ip, " saddr != { ")
	node := false
	for i, r := range s.SourceRanges {
		if i > 0 {
			w.str(" , ")
		}
		w.str(r.String())
		node = node || r.Contains(s.f.nodeIP)
	}
	if node {
		for _, a := range s.LoadBalancerIPs {
			w.str(" , ").addr(a)
		}
	}
	w.str(" } drop").end()
}

// translate sends a chain's traffic to a random endpoint.
func (s *served) translate(w *script, chain string, to []backends.Endpoint) {
	w.cmd("add rule").str(chain, " meta l4proto ", s.protocol, " dnat ", s.f.ip, " addr . port to numgen random mod ").num(uint64(len(to))).str(" map {")
	for i := range to {
		if i > 0 {
			w.str(" ,")
		}
		a := to[i].Addr
		w.str(" ").num(uint64(i)).str(" : ").addr(a.Addr()).str(" . ").num(uint64(a.Port()))
	}
	w.str(" }").end()
}

// pick sends a chain's traffic on to an endpoint's chain: the one whose client
// it is already, or a random one.
func (s *served) pick(w *script, chain string, to []backends.Endpoint) {
	names := make([]string, len(to))
	for i := range to {
		names[i] = s.endpoint(&to[i])
		if s.AffinitySeconds > 0 {
			w.rule(chain, "", s.f.ip, " saddr @"+affinityPrefix, names[i], " goto endpoint-", names[i])
		}
	}
	w.cmd("add rule").str(chain, " numgen random mod ").num(uint64(len(to))).str(" vmap {")
	for i := range to {
		if i > 0 {
			w.str(" ,")
		}
		w.str(" ").num(uint64(i)).str(" : goto endpoint-", names[i])
	}
	w.str(" }").end()
}

func (s *served) endpointRules(w *script, name string, e *backends.Endpoint) {
	chain := "endpoint-" + name
	if s.f.layout == Layout131 {
		w.rule(chain, "", s.f.ip, " saddr ", e.Addr.Addr().String(), " jump "+markForMasquerade)
	}
	if s.AffinitySeconds > 0 {
		w.rule(chain, "", "update @"+affinityPrefix, name, " { ", s.f.ip, " saddr }")
	}
	w.rule(chain, "", "meta l4proto ", s.protocol, " dnat to ", e.Addr.String())
}

// affinitySet writes a set that an endpoint's clients are added to.
func (s *served) affinitySet(w *script, name string) {
	w.cmd("add set").str(name, " { type ", s.f.addr, " ; flags dynamic,timeout ; timeout ").num(uint64(s.AffinitySeconds)).str("s ; }").end()
}
