package iptables

import (
	"iter"

	"github.com/svcmark/svcmark/backends"
)

// port is a ServicePort and what the node does with its traffic, in the terms
// of kube-proxy's syncProxyRules (pkg/proxy/iptables/proxier.go).
type port struct {
	*backends.ServicePort
	to      backends.Reachable
	names   names // of its chains; empty when it has none
	written bool  // its chains are written by this sync
}

// internal reports whether the ClusterIP leads anywhere (hasInternalEndpoints).
func (p *port) internal() bool { return p.to.Any && (!p.InternalLocal || len(p.to.Local) > 0) }

// external reports whether traffic from outside leads anywhere
// (hasExternalEndpoints).
func (p *port) external() bool { return p.to.Any && (!p.ExternalLocal || len(p.to.Local) > 0) }

// outward reports whether it has a KUBE-EXT chain. It is there without external
// endpoints too: for what comes from the cluster itself.
func (p *port) outward() bool { return p.to.Any && p.ExternallyAccessible() }

// firewalled reports whether it has a KUBE-FW chain.
func (p *port) firewalled() bool {
	return p.to.Any && len(p.LoadBalancerIPs) > 0 && len(p.SourceRanges) > 0
}

// policyChain is the prefix of the chain that serves a traffic policy.
func policyChain(local bool) string {
	if local {
		return localPrefix
	}
	return servicePrefix
}

// balancerChain is the prefix of the chain that the load balancer's addresses
// lead to.
func (p *port) balancerChain() string {
	if p.firewalled() {
		return firewallPrefix
	}
	return externalPrefix
}

// chains are the prefix and the hash of each of its chains.
func (p *port) chains() iter.Seq2[string, hash] {
	return func(yield func(string, hash) bool) {
		if len(p.names) == 0 {
			return
		}
		names := p.names
		hash := names.next()
		if p.outward() && !yield(externalPrefix, hash) ||
			p.firewalled() && !yield(firewallPrefix, hash) ||
			len(p.to.Cluster) > 0 && !yield(servicePrefix, hash) ||
			len(p.to.Local) > 0 && !yield(localPrefix, hash) {
			return
		}
		for hash := range p.each(p.to.All) {
			if !yield(endpointPrefix, hash) {
				return
			}
		}
	}
}

// each are the hash and the text of each of the endpoints in some, which is a
// part of p.to.All and in its order.
func (p *port) each(some []backends.Endpoint) iter.Seq2[hash, []byte] {
	return func(yield func(hash, []byte) bool) {
		names, left := p.names, some
		names.next()
		for i := range p.to.All {
			if len(left) == 0 {
				return
			}
			hash, text := names.next(), names.text()
			if p.to.All[i].Addr != left[0].Addr {
				continue
			}
			left = left[1:]
			if !yield(hash, text) {
				return
			}
		}
	}
}
