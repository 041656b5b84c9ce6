package iptables

import "net/netip"

// The rules of the current ServicePort in the chains that all ServicePorts
// share, which every sync writes anew; in the order and the words of kube-proxy
// 1.36 (pkg/proxy/iptables, syncProxyRules).

// dispatch leads packets to each of the ServicePort's addresses into its chains.
func (r *ruleset) dispatch(t *text, hash hash) {
	p := r.port
	if p.internal() {
		t.str(`-A KUBE-SERVICES -m comment --comment "`).raw(r.name).str(` cluster IP"`).raw(r.vip).str(" -j ").str(policyChain(p.InternalLocal)).hash(hash).end()
	}
	for _, a := range p.ExternalIPs {
		t.str(`-A KUBE-SERVICES -m comment --comment "`).raw(r.name).str(` external IP"`)
		r.at(t, a).str(" -j " + externalPrefix).hash(hash).end()
	}
	for _, a := range p.LoadBalancerIPs {
		t.str(`-A KUBE-SERVICES -m comment --comment "`).raw(r.name).str(` loadbalancer IP"`)
		r.at(t, a).str(" -j ").str(p.balancerChain()).hash(hash).end()
	}
	if p.NodePort == 0 {
		return
	}
	if r.features.NFAcct && p.ClusterIP.Is4() {
		t.str("-A KUBE-NODEPORTS -m comment --comment ").raw(r.name).str(matches(p.Protocol)).str(" -d 127.0.0.0/8 --dport ").uint(uint32(p.NodePort)).
			str(" -m nfacct --nfacct-name " + localhostCounter + " -j " + externalPrefix).hash(hash).end()
	}
	t.str("-A KUBE-NODEPORTS -m comment --comment ").raw(r.name).str(matches(p.Protocol)).str(" --dport ").uint(uint32(p.NodePort)).str(" -j " + externalPrefix).hash(hash).end()
}

// at matches a packet to an address and the ServicePort's port.
func (r *ruleset) at(t *text, a netip.Addr) *text {
	return t.str(matches(r.port.Protocol)).str(" -d ").addr(a).raw(r.dport)
}

// refuse answers packets that lead nowhere: they are rejected when no node has
// an endpoint, and dropped when another one has, whom they should have been
// sent to.
func (r *ruleset) refuse(t *text) {
	p := r.port
	comment, verdict := ` has no endpoints"`, " -j REJECT"
	if p.to.Any {
		comment, verdict = ` has no local endpoints"`, " -j DROP"
	}
	if !p.internal() {
		t.str(`-A KUBE-SERVICES -m comment --comment "`).raw(r.name).str(comment).raw(r.vip).str(verdict).end()
	}
	if p.external() {
		return
	}
	const start = `-A KUBE-EXTERNAL-SERVICES -m comment --comment "`
	for _, list := range [...][]netip.Addr{p.ExternalIPs, p.LoadBalancerIPs} {
		for _, a := range list {
			t.str(start).raw(r.name).str(comment)
			r.at(t, a).str(verdict).end()
		}
	}
	if p.NodePort != 0 {
		t.str(start).raw(r.name).str(comment).str(" -m addrtype --dst-type LOCAL").str(matches(p.Protocol)).str(" --dport ").uint(uint32(p.NodePort)).str(verdict).end()
	}
}

// guard drops what the chain of the source ranges did not lead to an endpoint.
func (r *ruleset) guard(t *text) {
	if !r.port.firewalled() {
		return
	}
	names := r.port.names
	hash := names.next()
	for _, a := range r.port.LoadBalancerIPs {
		t.str(`-A KUBE-PROXY-FIREWALL -m comment --comment "`).raw(r.name).str(" traffic not accepted by " + firewallPrefix).hash(hash).str(`"`)
		r.at(t, a).str(" -j DROP\n")
	}
}

// healthCheck lets the load balancer ask whether the node has endpoints.
func (r *ruleset) healthCheck(t *text) {
	if n := r.port.HealthCheckNodePort; n != 0 {
		t.str(`-A KUBE-NODEPORTS -m comment --comment "`).raw(r.name).str(` health check node port" -m tcp -p tcp --dport `).uint(uint32(n)).str(" -j ACCEPT\n")
	}
}
