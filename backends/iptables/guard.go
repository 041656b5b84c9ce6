package iptables

import (
	"fmt"
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// check refuses a state that the Kubernetes API would not hold. Its names
// become part of a program's input, where a quote or a newline would be a rule
// of its own; whoever made the state has checked them, and this is the last
// line before the kernel.
func check(state *backends.State) error {
	if c := state.Node.ClusterCIDR; c.IsValid() && !c.Addr().Is4() {
		return fmt.Errorf("the node's ClusterCIDR %s is not an IPv4 prefix", c)
	}
	for i := range state.Services {
		if err := checkService(&state.Services[i]); err != nil {
			return fmt.Errorf("the ServicePort %d (%q): %w", i, state.Services[i].String(), err)
		}
	}
	return nil
}

func checkService(p *backends.ServicePort) error {
	switch {
	case !isLabel(p.Namespace):
		return fmt.Errorf("the namespace %q is not a DNS label (RFC 1123)", p.Namespace)
	case !isLabel(p.Name):
		return fmt.Errorf("the name %q is not a DNS label (RFC 1123)", p.Name)
	case p.PortName != "" && !isLabel(p.PortName):
		return fmt.Errorf("the port name %q is not a DNS label (RFC 1123)", p.PortName)
	case p.Protocol != backends.TCP && p.Protocol != backends.UDP:
		return fmt.Errorf("the protocol %q is neither TCP nor UDP", string(p.Protocol))
	case !isAddrPort(p.VIP()):
		return fmt.Errorf("the VIP %s is not an IPv4 address and a port", p.VIP())
	}
	for i := range p.Endpoints {
		if !isAddrPort(p.Endpoints[i].Addr) {
			return fmt.Errorf("the endpoint %s is not an IPv4 address and a port", p.Endpoints[i].Addr)
		}
	}
	return nil
}

func isAddrPort(a netip.AddrPort) bool { return a.Addr().Is4() && a.Port() != 0 }

// isLabel reports whether s is what the API accepts as the name of a
// namespace, a Service and a Service's port: 1 to 63 lower-case letters,
// digits and inner hyphens.
func isLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
