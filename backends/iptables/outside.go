package iptables

import (
	"net/netip"
	"slices"
)

// The chains of the current ServicePort that what comes by another way than the
// ClusterIP passes first; in the order and the words of kube-proxy 1.36
// (pkg/proxy/iptables, syncProxyRules).

// fromOutside is the chain of all addresses but the ClusterIP.
func (r *ruleset) fromOutside(t *text, hash hash) {
	p := r.port
	rule := func(comment string) *text {
		return t.str("-A " + externalPrefix).hash(hash).str(` -m comment --comment "`).str(comment).raw(r.name).str(` external destinations"`)
	}
	if !p.ExternalLocal {
		rule("masquerade traffic for ").str(" -j KUBE-MARK-MASQ\n")
	} else {
		// What starts in the cluster is served as if it had gone out to a load
		// balancer and come back: by any endpoint.
		if r.pods != "" {
			rule("pod traffic for ").str(r.pods).str(" -j " + servicePrefix).hash(hash).end()
		}
		rule("masquerade LOCAL traffic for ").str(" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ\n")
		rule("route LOCAL traffic for ").str(" -m addrtype --src-type LOCAL -j " + servicePrefix).hash(hash).end()
	}
	if p.external() {
		t.str("-A " + externalPrefix).hash(hash).str(" -j ").str(policyChain(p.ExternalLocal)).hash(hash).end()
	}
}

// firewall is the chain of the load balancer's addresses when only some may use
// them. What it does not lead on keeps its destination, by which
// KUBE-PROXY-FIREWALL drops it.
func (r *ruleset) firewall(t *text, hash hash) {
	p := r.port
	rule := func() *text {
		return t.str("-A " + firewallPrefix).hash(hash).str(` -m comment --comment "`).raw(r.name).str(` loadbalancer IP"`)
	}
	for _, from := range p.SourceRanges {
		rule().str(" -s ").prefix(from).str(" -j " + externalPrefix).hash(hash).end()
	}
	// A node that holds the address itself would send from it.
	node := r.node.Addr(r.family)
	if node.IsValid() && slices.ContainsFunc(p.SourceRanges, func(from netip.Prefix) bool { return from.Contains(node) }) {
		for _, from := range p.LoadBalancerIPs {
			rule().str(" -s ").addr(from).str(" -j " + externalPrefix).hash(hash).end()
		}
	}
	t.str("-A " + firewallPrefix).hash(hash).str(` -m comment --comment "other traffic to `).raw(r.name).str(` will be dropped by KUBE-PROXY-FIREWALL"` + "\n")
}
