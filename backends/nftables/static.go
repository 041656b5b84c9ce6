package nftables

import "strconv"

// baseChain is one that the kernel's hooks lead to.
type baseChain struct {
	name, kind, hook string
	priority         int
}

func baseChains() []baseChain {
	return []baseChain{
		// Before DNAT, for what looks at the address that was dialed.
		{"filter-prerouting-pre-dnat", "filter", "prerouting", -110},
		{"filter-output-pre-dnat", "filter", "output", -110},
		{"filter-input", "filter", "input", 0},
		{"filter-forward", "filter", "forward", 0},
		{"filter-output", "filter", "output", 0},
		{"nat-prerouting", "nat", "prerouting", -100},
		{"nat-output", "nat", "output", -100},
		{"nat-postrouting", "nat", "postrouting", 100},
	}
}

// The chains that the base chains and the maps lead to.
const (
	nodePortEndpointsCheck = "nodeport-endpoints-check"
	serviceEndpointsCheck  = "service-endpoints-check"
	firewallCheck          = "firewall-check"
	servicesChain          = "services"
	masquerading           = "masquerading"
	clusterIPsCheck        = "cluster-ips-check"
	markForMasquerade      = "mark-for-masquerade" // only in Layout131
	rejectChain            = "reject-chain"
)

// plainChains are the chains that every state has beside the base chains.
func (l Layout) plainChains() []string {
	chains := []string{
		nodePortEndpointsCheck, serviceEndpointsCheck, firewallCheck, servicesChain, masquerading, clusterIPsCheck,
	}
	if l == Layout131 {
		chains = append(chains, markForMasquerade)
	}
	return append(chains, rejectChain)
}

// masqueradeMark is bit 14, kube-proxy's default.
const masqueradeMark = "0x004000"

// setMark marks a packet for masquerading.
const setMark = "mark set mark or " + masqueradeMark

// jumps lead from base chains to others, in this order.
func jumps() [][3]string {
	const start = "ct state new "
	return [][3]string{
		{"filter-input", start, nodePortEndpointsCheck},
		{"filter-input", start, serviceEndpointsCheck},
		{"filter-forward", start, serviceEndpointsCheck},
		{"filter-output", start, serviceEndpointsCheck},
		{"filter-prerouting-pre-dnat", start, firewallCheck},
		{"filter-output-pre-dnat", start, firewallCheck},
		{"nat-output", "", servicesChain},
		{"nat-prerouting", "", servicesChain},
		{"nat-postrouting", "", masquerading},
		{"filter-forward", start, clusterIPsCheck},
		{"filter-output", start, clusterIPsCheck},
	}
}

// static writes what is the same whatever the Services are (setupNFTables of
// kube-proxy with --nodeport-addresses=primary, the default of this mode). The
// chains that are there are emptied.
func (f *family) static(s *script, is *found) {
	s.str("add table ").str(string(s.table)).str(`{ comment "rules for kube-proxy" ; }`).end()
	flush := func(chain string) {
		if is.hasChain(chain) {
			s.cmd("flush chain").str(chain).end()
		}
	}
	for _, c := range baseChains() {
		s.cmd("add chain").str(c.name, " { type ", c.kind, " hook ", c.hook, " priority ", strconv.Itoa(c.priority), " ; }").end()
		flush(c.name)
	}
	for _, c := range f.layout.plainChains() {
		s.cmd("add chain").str(c)
		if c == rejectChain {
			s.str(` { comment "helper for @no-endpoint-services / @no-endpoint-nodeports" ; }`)
		}
		s.end()
		flush(c)
	}
	for _, c := range f.layout.containers() {
		if c == nodePortIPs && f.everyAddr {
			continue
		}
		s.cmd("add "+c.kind()).str(c.name(), " { type ", c.keyType(f.addr))
		if c.kind() == "map" {
			s.str(" : verdict")
		}
		s.str(` ; comment "`, c.comment(), `" ; }`).end()
	}
	f.staticRules(s)
}

func (f *family) staticRules(s *script) {
	for _, j := range jumps() {
		s.rule(j[0], "", j[1], "jump ", j[2])
	}
	f.masqueradeRules(s)
	daddr := f.ip + " daddr "
	s.rule(clusterIPsCheck, "Reject traffic to invalid ports of ClusterIPs", daddr, "@cluster-ips reject")
	if f.services.IsValid() {
		s.rule(clusterIPsCheck, "Drop traffic to unallocated ClusterIPs", daddr, "{ ", f.services.String(), " } drop")
	}
	s.rule(rejectChain, "", "reject")
	const vip, port = ". meta l4proto . th dport vmap @", " meta l4proto . th dport vmap @"
	nodePort, local := daddr+"@nodeport-ips"+port, ""
	if f.everyAddr { // of IPv4
		nodePort, local = daddr+"!= 127.0.0.0/8"+port, "fib daddr type local "
	}
	s.rule(serviceEndpointsCheck, "", daddr, vip, "no-endpoint-services")
	s.rule(nodePortEndpointsCheck, "", nodePort, "no-endpoint-nodeports")
	s.rule(firewallCheck, "", daddr, vip, "firewall-ips")
	if notPod := f.notPod(); notPod != "" && f.layout == Layout136 {
		s.rule(servicesChain, "masquerade clusterIP traffic from outside cluster", daddr, "@cluster-ips ", notPod, " ", setMark)
	}
	s.rule(servicesChain, "", daddr, vip, "service-ips")
	s.rule(servicesChain, "", local, nodePort, "service-nodeports")
}

func (f *family) masqueradeRules(s *script) {
	const clear, masquerade = "mark set mark xor " + masqueradeMark, "masquerade fully-random"
	if f.layout == Layout131 {
		s.rule(markForMasquerade, "", setMark)
		s.rule(masquerading, "", "mark and ", masqueradeMark, " == 0 return")
		s.rule(masquerading, "", clear)
		s.rule(masquerading, "", masquerade)
		return
	}
	s.rule(masquerading, "", "mark and ", masqueradeMark, " != 0 ", clear, " ", masquerade)
	s.rule(masquerading, "", "ct status dnat ", f.ip, " saddr . ", f.ip, " daddr . meta l4proto . th dport @hairpin-connections ", masquerade)
}
