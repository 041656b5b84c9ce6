package iptables

import "github.com/svcmark/svcmark/backends"

// The rules of one ServicePort, the current one of the ruleset, in the order
// and the words of kube-proxy 1.36 (pkg/proxy/iptables, syncProxyRules).

// reject refuses packets to a VIP without endpoints.
func (r *ruleset) reject(t *text) {
	t.str(`-A KUBE-SERVICES -m comment --comment "`).raw(r.name).str(` has no endpoints"`).raw(r.match).str(" -j REJECT").end()
}

// dispatch leads packets to the VIP into the Service's chain.
func (r *ruleset) dispatch(t *text, service []byte) {
	t.str(`-A KUBE-SERVICES -m comment --comment "`).raw(r.name).str(` cluster IP"`).raw(r.match).str(" -j " + servicePrefix).raw(service).end()
}

// masquerade marks what comes from outside the cluster.
func (r *ruleset) masquerade(t *text, service []byte) {
	if r.notPod == "" {
		return
	}
	t.str("-A " + servicePrefix).raw(service).str(` -m comment --comment "`).raw(r.name).str(` cluster IP"`).raw(r.match).str(r.notPod).str(" -j KUBE-MARK-MASQ").end()
}

// balance picks an endpoint at random: of n that are left the first is taken
// with probability 1/n, and the last always.
func (r *ruleset) balance(t *text, p *backends.ServicePort, service []byte, endpoints hashes) {
	for i := range p.Endpoints {
		t.str("-A " + servicePrefix).raw(service)
		if !r.large {
			t.str(` -m comment --comment "`).raw(r.name).str(" -> ").addrPort(p.Endpoints[i].Addr).str(`"`)
		}
		if left := len(p.Endpoints) - i; left > 1 {
			t.str(" -m statistic --mode random --probability ").str(r.chances[left])
		}
		t.str(" -j " + endpointPrefix).raw(endpoints.next()).end()
	}
}

// rewrite is the chain of each endpoint: an endpoint that reaches itself
// through the VIP is masqueraded, or it would answer past the node; everything
// is sent to the endpoint.
func (r *ruleset) rewrite(t *text, p *backends.ServicePort, endpoints hashes) {
	target := " -m tcp -p tcp -j DNAT --to-destination "
	if p.Protocol == backends.UDP {
		target = " -m udp -p udp -j DNAT --to-destination "
	}
	for i := range p.Endpoints {
		chain, to := endpoints.next(), p.Endpoints[i].Addr
		r.endpointRule(t, chain)
		t.str(" -s ").addr(to.Addr()).str(" -j KUBE-MARK-MASQ").end()
		r.endpointRule(t, chain)
		t.str(target).addrPort(to).end()
	}
}

func (r *ruleset) endpointRule(t *text, chain []byte) {
	t.str("-A " + endpointPrefix).raw(chain)
	if !r.large {
		t.str(" -m comment --comment ").raw(r.name)
	}
}
