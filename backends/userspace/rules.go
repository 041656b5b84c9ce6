package userspace

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// The tables and chains of the mode (iptablesInit in proxier.go).
const (
	nat    = "nat"
	filter = "filter"

	portalsContainer = "KUBE-PORTALS-CONTAINER"  // to Services' addresses, from elsewhere
	portalsHost      = "KUBE-PORTALS-HOST"       // to Services' addresses, from the node itself
	nodePorts        = "KUBE-NODEPORT-CONTAINER" // to NodePorts, from elsewhere
	nodePortsHost    = "KUBE-NODEPORT-HOST"      // to NodePorts, from the node itself
	nodePortsIn      = "KUBE-NODEPORT-NON-LOCAL" // lets in what was led to the proxy
)

// A rule is what iptables is told of one.
type rule struct {
	table, chain string
	args         []string
}

// jump is a chain of ours with the rule that leads to it.
type jump struct {
	table, chain string
	put          string // how the rule is added: "-I" before all others, "-A" after
	rule         rule
}

// jumps are all of them. Addresses come first: those of load balancers may be local,
// and their ports others' NodePorts.
func jumps() []jump {
	lead := func(table, from, put, to string, args ...string) jump {
		return jump{table, to, put, rule{table, from, append(args, "-j", to)}}
	}
	portals := []string{"-m", "comment", "--comment", "handle ClusterIPs; NOTE: this must be before the NodePort rules"}
	ports := []string{"-m", "addrtype", "--dst-type", "LOCAL", "-m", "comment", "--comment", "handle service NodePorts; NOTE: this must be the last rule in the chain"}
	in := []string{"-m", "comment", "--comment", "Ensure that non-local NodePort traffic can flow"}
	return []jump{
		lead(nat, "PREROUTING", "-I", portalsContainer, slices.Clone(portals)...),
		lead(nat, "OUTPUT", "-I", portalsHost, slices.Clone(portals)...),
		lead(nat, "PREROUTING", "-A", nodePorts, slices.Clone(ports)...),
		lead(nat, "OUTPUT", "-A", nodePortsHost, slices.Clone(ports)...),
		lead(filter, "INPUT", "-I", nodePortsIn, slices.Clone(in)...),
	}
}

// rulesOf are the rules that lead a ServicePort's clients to the proxy's port. What
// comes from elsewhere is redirected to the address of the interface that it came in
// by; what comes from the node goes to the node's address (openPortal in proxier.go).
func rulesOf(p *backends.ServicePort, proxyPort uint16, host netip.Addr) []rule {
	protocol := strings.ToLower(string(p.Protocol))
	match := func(port uint16, to netip.Addr, more ...string) []string {
		args := []string{"-m", "comment", "--comment", p.String(), "-p", protocol, "-m", protocol, "--dport", number(port)}
		if to.IsValid() {
			args = append(args, "-d", to.String())
		}
		return append(args, more...)
	}
	redirect := []string{"-j", "REDIRECT", "--to-ports", number(proxyPort)}
	dnat := []string{"-j", "DNAT", "--to-destination", netip.AddrPortFrom(host, proxyPort).String()}
	add := func(rules []rule, table, chain string, args, target []string) []rule {
		return append(rules, rule{table, chain, append(args, target...)})
	}
	var rules []rule
	portal := func(to netip.Addr) {
		rules = add(rules, nat, portalsContainer, match(p.Port, to), redirect)
		rules = add(rules, nat, portalsHost, match(p.Port, to), dnat)
	}
	portal(p.ClusterIP)
	for _, to := range p.ExternalIPs {
		// An external IP may be a machine's of its own, which the node can reach
		// without the proxy: the node uses the Service for its own addresses alone.
		local := []string{"-m", "addrtype", "--dst-type", "LOCAL"}
		rules = add(rules, nat, portalsContainer, match(p.Port, to, "-m", "physdev", "!", "--physdev-is-in"), redirect)
		rules = add(rules, nat, portalsContainer, match(p.Port, to, local...), redirect)
		rules = add(rules, nat, portalsHost, match(p.Port, to, local...), dnat)
	}
	for _, to := range p.LoadBalancerIPs {
		portal(to)
	}
	if p.NodePort != 0 {
		rules = add(rules, nat, nodePorts, match(p.NodePort, netip.Addr{}), redirect)
		rules = add(rules, nat, nodePortsHost, match(p.NodePort, netip.Addr{}), dnat)
		rules = add(rules, filter, nodePortsIn, match(proxyPort, netip.Addr{}), []string{"-m", "state", "--state", "NEW", "-j", "ACCEPT"})
	}
	return rules
}

func number(port uint16) string { return strconv.Itoa(int(port)) }
