package backends

import (
	"fmt"
	"net/netip"
)

// MaxAffinitySeconds is the longest session affinity that the API accepts.
const MaxAffinitySeconds = 86400

// Check refuses a State that the Kubernetes API would not hold, or that breaks
// an invariant which is told here. Names become part of programs' input, where
// a quote or a newline would be a rule of its own; whoever makes a State checks
// what it is made of and says it better, and this is the last line before the
// kernel. Every backend calls it.
func (s *State) Check() error {
	for _, prefixes := range [][]netip.Prefix{s.Node.ClusterCIDRs, s.Node.ServiceCIDRs} {
		for i, p := range prefixes {
			if !p.IsValid() || i > 0 && (i > 1 || FamilyOf(p.Addr()) == FamilyOf(prefixes[0].Addr())) {
				return fmt.Errorf("the node's ranges %v are not one valid prefix a family", prefixes)
			}
		}
	}
	for i := range s.Services {
		if err := s.Services[i].check(); err != nil {
			return fmt.Errorf("the ServicePort %d (%q): %w", i, s.Services[i].String(), err)
		}
	}
	return nil
}

func (p *ServicePort) check() error {
	switch {
	case !IsLabel(p.Namespace):
		return fmt.Errorf("the namespace %q is not a DNS label (RFC 1123)", p.Namespace)
	case !IsLabel(p.Name):
		return fmt.Errorf("the name %q is not a DNS label (RFC 1123)", p.Name)
	case p.PortName != "" && !IsLabel(p.PortName):
		return fmt.Errorf("the port name %q is not a DNS label (RFC 1123)", p.PortName)
	case p.Protocol != TCP && p.Protocol != UDP && p.Protocol != SCTP:
		return fmt.Errorf("the protocol %q is none of TCP, UDP and SCTP", string(p.Protocol))
	case !isAddr(p.ClusterIP) || p.Port == 0:
		return fmt.Errorf("the VIP %s is not an address and a port", p.VIP())
	case p.AffinitySeconds > MaxAffinitySeconds:
		return fmt.Errorf("the session affinity of %d s is longer than %d s", p.AffinitySeconds, MaxAffinitySeconds)
	}
	f := p.Family()
	for _, list := range [][]netip.Addr{p.ExternalIPs, p.LoadBalancerIPs} {
		for _, a := range list {
			if !isAddr(a) || FamilyOf(a) != f {
				return fmt.Errorf("the address %s is not one of the family %s", a, f)
			}
		}
	}
	for _, r := range p.SourceRanges {
		if !r.IsValid() || r != r.Masked() || FamilyOf(r.Addr()) != f || r.Bits() == 0 {
			return fmt.Errorf("the source range %s is not a masked prefix of the family %s with a length", r, f)
		}
	}
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		if !isAddr(e.Addr.Addr()) || e.Addr.Port() == 0 || FamilyOf(e.Addr.Addr()) != f {
			return fmt.Errorf("the endpoint %s is not an address of the family %s and a port", e.Addr, f)
		}
		if i > 0 && p.Endpoints[i-1].Compare(e) >= 0 {
			return fmt.Errorf("the endpoint %s is not in the order of Endpoint.Compare, each once", e.Addr)
		}
	}
	return nil
}

func isAddr(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified()
}

// IsLabel reports whether s is what the API accepts as the name of a namespace,
// a Service and a Service's port: 1 to 63 lower-case letters, digits and inner
// hyphens.
func IsLabel(s string) bool {
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
