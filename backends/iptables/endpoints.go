package iptables

import (
	"bytes"

	"github.com/svcmark/svcmark/backends"
)

// The chains of the current ServicePort that pick an endpoint and rewrite to
// it; in the order and the words of kube-proxy 1.36 (pkg/proxy/iptables,
// syncProxyRules and writeServiceToEndpointRules).

// masquerade marks what comes to the ClusterIP from outside the cluster.
func (r *ruleset) masquerade(t *text, hash []byte) {
	if r.pods == "" || !r.port.internal() {
		return
	}
	t.str("-A ").str(policyChain(r.port.InternalLocal)).raw(hash).str(` -m comment --comment "`).raw(r.name).str(` cluster IP"`).raw(r.vip).
		str(" !").str(r.pods).str(" -j KUBE-MARK-MASQ").end()
}

// balance is the chain of a policy. With affinity it first sends a client where
// it was sent before. Then it picks an endpoint at random: of n that are left
// the first is taken with probability 1/n, and the last always.
func (r *ruleset) balance(t *text, prefix string, hash []byte, endpoints []backends.Endpoint) {
	rule := func(to []byte) {
		t.str("-A ").str(prefix).raw(hash)
		if !r.large {
			t.str(` -m comment --comment "`).raw(r.name).str(" -> ").raw(to).str(`"`)
		}
	}
	if seconds := r.port.AffinitySeconds; seconds != 0 {
		for chain, to := range r.port.each(endpoints) {
			rule(to)
			t.str(" -m recent --name " + endpointPrefix).raw(chain).str(" --rcheck --seconds ").uint(seconds).str(" --reap -j " + endpointPrefix).raw(chain).end()
		}
	}
	left := len(endpoints)
	for chain, to := range r.port.each(endpoints) {
		rule(to)
		if left > 1 {
			t.str(" -m statistic --mode random --probability ").str(r.chance(left))
		}
		t.str(" -j " + endpointPrefix).raw(chain).end()
		left--
	}
}

// rewrite is the chain of each endpoint: an endpoint that reaches itself
// through the VIP is masqueraded, or it would answer past the node; everything
// is sent to the endpoint.
func (r *ruleset) rewrite(t *text) {
	match := matches(r.port.Protocol)
	rule := func(chain []byte) {
		t.str("-A " + endpointPrefix).raw(chain)
		if !r.large {
			t.str(" -m comment --comment ").raw(r.name)
		}
	}
	for chain, to := range r.port.each(r.port.to.All) {
		rule(chain)
		t.str(" -s ").raw(host(to)).str(" -j KUBE-MARK-MASQ").end()
		rule(chain)
		if r.port.AffinitySeconds != 0 {
			t.str(" -m recent --name " + endpointPrefix).raw(chain).str(" --set")
		}
		t.str(match).str(" -j DNAT --to-destination ").raw(to).end()
	}
}

// host is the address of the text of an address and port.
func host(addrPort []byte) []byte {
	if addrPort[0] == '[' {
		return addrPort[1:bytes.IndexByte(addrPort, ']')]
	}
	return addrPort[:bytes.LastIndexByte(addrPort, ':')]
}

// chance is the text of the probability 1/n, which is dear to compute.
func (r *ruleset) chance(n int) string {
	for len(r.chances) <= n {
		r.chances = append(r.chances, probability(len(r.chances)))
	}
	return r.chances[n]
}
