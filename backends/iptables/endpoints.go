package iptables

import (
	"bytes"

	"github.com/svcmark/svcmark/backends"
)

// The chains of the current ServicePort that pick an endpoint and rewrite to
// it; in the order and the words of kube-proxy 1.36 (pkg/proxy/iptables,
// syncProxyRules and writeServiceToEndpointRules).

// masquerade marks what comes to the ClusterIP from outside the cluster.
func (r *ruleset) masquerade(t *text, hash hash) {
	if r.pods == "" || !r.port.internal() {
		return
	}
	t.str("-A ").str(policyChain(r.port.InternalLocal)).hash(hash).str(` -m comment --comment "`).raw(r.name).str(` cluster IP"`).raw(r.vip).
		str(" !").str(r.pods).str(" -j KUBE-MARK-MASQ\n")
}

// balance is the chain of a policy. With affinity it first sends a client where
// it was sent before. Then it picks an endpoint at random: of n that are left
// the first is taken with probability 1/n, and the last always.
func (r *ruleset) balance(t *text, prefix string, hash hash, endpoints []backends.Endpoint) {
	if len(endpoints) == 0 {
		return
	}
	start := append(append(append(r.start[:0], "-A "...), prefix...), hash[:]...)
	if !r.large {
		start = append(append(append(start, ` -m comment --comment "`...), r.name...), " -> "...)
	}
	r.start = start
	rule := func(to []byte) *text {
		t.raw(start)
		if !r.large {
			t.raw(to).str(`"`)
		}
		return t
	}
	if seconds := r.port.AffinitySeconds; seconds != 0 {
		for chain, to := range r.port.each(endpoints) {
			rule(to).str(" -m recent --name " + endpointPrefix).hash(chain).str(" --rcheck --seconds ").uint(seconds).
				str(" --reap -j " + endpointPrefix).hash(chain).end()
		}
	}
	left := len(endpoints)
	for chain, to := range r.port.each(endpoints) {
		rule(to)
		if left > 1 {
			t.str(" -m statistic --mode random --probability ").str(r.chance(left))
		}
		t.str(" -j " + endpointPrefix).hash(chain).end()
		left--
	}
}

// rewrite is the chain of each endpoint: an endpoint that reaches itself
// through the VIP is masqueraded, or it would answer past the node; everything
// is sent to the endpoint.
func (r *ruleset) rewrite(t *text) {
	comment := r.start[:0]
	if !r.large {
		comment = append(append(comment, " -m comment --comment "...), r.name...)
	}
	r.start = comment
	match := matches(r.port.Protocol)
	for chain, to := range r.port.each(r.port.to.All) {
		t.str("-A " + endpointPrefix).hash(chain).raw(comment).str(" -s ").raw(host(to)).str(" -j KUBE-MARK-MASQ\n")
		t.str("-A " + endpointPrefix).hash(chain).raw(comment)
		if r.port.AffinitySeconds != 0 {
			t.str(" -m recent --name " + endpointPrefix).hash(chain).str(" --set")
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
