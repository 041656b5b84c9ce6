package scenarios

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/svcmark/svcmark/backends"
)

// What the Kubernetes API holds an EndpointSlice and its hints to
// (pkg/apis/discovery/validation).
const (
	maxPorts = 20_000
	maxHints = 8
)

// Fail takes what is wrong with one field, such as ports[1].nodePort.
type Fail func(field, format string, args ...any)

// Check finds whatever the Kubernetes API 1.36 would refuse in the Service
// (pkg/apis/core/validation and pkg/apis/discovery/validation), which is also
// all that could harm a tool: names end up in its input. Fields are named as
// scenario files spell them.
func (s *Service) Check(fail Fail) {
	if !backends.IsLabel(s.Namespace) {
		fail("namespace", "%s is no DNS label; want 1 to 63 of a-z, 0-9 and -, with no - at the ends", quote(s.Namespace))
	}
	if !backends.IsLabel(s.Name) {
		fail("name", "%s is no DNS label; want 1 to 63 of a-z, 0-9 and -, with no - at the ends", quote(s.Name))
	}
	switch s.Type {
	case ClusterIP:
	case NodePort, LoadBalancer:
		if len(s.ClusterIPs) == 0 {
			fail("clusterIPs", "is empty; a Service of type %s has a ClusterIP", s.Type)
		}
	case ExternalName:
		if len(s.ClusterIPs) > 0 {
			fail("clusterIPs", "an ExternalName has no ClusterIP")
		}
	default:
		fail("type", "%s is no type of Service; want ClusterIP, NodePort, LoadBalancer or ExternalName", quote(string(s.Type)))
	}
	s.checkAddresses(fail)
	s.checkPorts(fail)
	s.checkPolicies(fail)
	for i := range s.Endpoints {
		s.Endpoints[i].Check(func(field, format string, args ...any) {
			fail(fmt.Sprintf("endpoints[%d].%s", i, field), format, args...)
		})
	}
}

func (s *Service) checkAddresses(fail Fail) {
	if len(s.ClusterIPs) > 2 {
		fail("clusterIPs", "has %d addresses; want one, or one of each family", len(s.ClusterIPs))
		return
	}
	for i, a := range s.ClusterIPs {
		field := fmt.Sprintf("clusterIPs[%d]", i)
		if message := badAddr(a); message != "" {
			fail(field, "%s", message)
		} else if i > 0 && backends.FamilyOf(a) == backends.FamilyOf(s.ClusterIPs[0]) {
			fail(field, "%s is of the family of the first; want one of each", a)
		}
	}
	for i, a := range s.ExternalIPs {
		if message := badTarget(a); message != "" {
			fail(fmt.Sprintf("externalIPs[%d]", i), "%s", message)
		}
	}
	if len(s.Ingress) > 0 && s.Type != LoadBalancer {
		fail("loadBalancer", "only a Service of type LoadBalancer has such addresses")
	}
	for i := range s.Ingress {
		if message := badAddr(s.Ingress[i].Addr); message != "" {
			fail(fmt.Sprintf("loadBalancer[%d].ip", i), "%s", message)
		}
	}
	if len(s.SourceRanges) > 0 && s.Type != LoadBalancer {
		fail("loadBalancerSourceRanges", "only a Service of type LoadBalancer has source ranges")
	}
	for i, r := range s.SourceRanges {
		if !r.IsValid() || r.Addr().Is4In6() {
			fail(fmt.Sprintf("loadBalancerSourceRanges[%d]", i), "%s is no address range", r)
		}
	}
}

func (s *Service) checkPorts(fail Fail) {
	headless := s.Type == ClusterIP && len(s.ClusterIPs) == 0
	if len(s.Ports) == 0 && !headless && s.Type != ExternalName {
		fail("ports", "is empty; want at least one port")
	}
	if len(s.Ports) > maxPorts {
		fail("ports", "has %d ports; want at most %d", len(s.Ports), maxPorts)
		return
	}
	type number struct {
		protocol string
		port     uint16
	}
	var names map[string]bool // made for Services of several ports only
	var ports, nodePorts map[number]bool
	if len(s.Ports) > 1 {
		names, ports, nodePorts = map[string]bool{}, map[number]bool{}, map[number]bool{}
	}
	for i := range s.Ports {
		p := &s.Ports[i]
		at := func(key string) string { return fmt.Sprintf("ports[%d].%s", i, key) }
		switch {
		case p.Name == "" && len(s.Ports) > 1:
			fail(at("name"), "is empty; each of several ports has a name")
		case p.Name != "" && !backends.IsLabel(p.Name):
			fail(at("name"), "%s is no DNS label", quote(p.Name))
		case names[p.Name]:
			fail(at("name"), "%s is given twice", quote(p.Name))
		}
		checkProtocol(at("protocol"), p.Protocol, fail)
		if p.Port == 0 {
			fail(at("port"), "is 0; want 1 to 65535")
		} else if ports[number{p.Protocol, p.Port}] {
			fail(at("port"), "%d/%s is given twice", p.Port, quote(p.Protocol))
		}
		if p.NodePort != 0 && s.Type == ClusterIP {
			fail(at("nodePort"), "a Service of type ClusterIP has no nodePort")
		} else if p.NodePort != 0 && nodePorts[number{p.Protocol, p.NodePort}] {
			fail(at("nodePort"), "%d/%s is given twice", p.NodePort, quote(p.Protocol))
		}
		if names != nil {
			names[p.Name], ports[number{p.Protocol, p.Port}], nodePorts[number{p.Protocol, p.NodePort}] = true, true, true
		}
	}
}

func (s *Service) checkPolicies(fail Fail) {
	if s.ExternalLocal && !s.ExternallyAccessible() {
		fail("externalTrafficPolicy", "only a Service that is reachable from outside has one: want type NodePort or LoadBalancer, or externalIPs")
	}
	needed := s.Type == LoadBalancer && s.ExternalLocal
	if needed && s.HealthCheckNodePort == 0 {
		fail("healthCheckNodePort", "is missing; a LoadBalancer with externalTrafficPolicy Local has one")
	} else if !needed && s.HealthCheckNodePort != 0 {
		fail("healthCheckNodePort", "only a LoadBalancer with externalTrafficPolicy Local has one")
	}
	if s.AffinitySeconds > backends.MaxAffinitySeconds {
		fail("affinitySeconds", "is %d; want 1 to %d", s.AffinitySeconds, backends.MaxAffinitySeconds)
	}
}

// Check finds what the API would refuse in an EndpointSlice of these ports and
// endpoints, but for its size.
func (set *Subset) Check(fail Fail) {
	if len(set.Ports) > maxPorts {
		fail("ports", "has %d ports; want at most %d", len(set.Ports), maxPorts)
		return
	}
	var names map[string]bool
	if len(set.Ports) > 1 {
		names = map[string]bool{}
	}
	for i := range set.Ports {
		p := &set.Ports[i]
		at := func(key string) string { return fmt.Sprintf("ports[%d].%s", i, key) }
		if p.Name != "" && !backends.IsLabel(p.Name) {
			fail(at("name"), "%s is no DNS label", quote(p.Name))
		} else if names[p.Name] {
			fail(at("name"), "%s is given twice", quote(p.Name))
		}
		checkProtocol(at("protocol"), p.Protocol, fail)
		if p.Port == 0 {
			fail(at("port"), "is 0; want 1 to 65535")
		}
		if names != nil {
			names[p.Name] = true
		}
	}
	for i := range set.Endpoints {
		set.Endpoints[i].check(func(format string, args ...any) { fail(fmt.Sprintf("addresses[%d]", i), format, args...) })
	}
}

func (e *Endpoint) check(fail func(format string, args ...any)) {
	if message := badTarget(e.Addr); message != "" {
		fail("%s", message)
	}
	if e.Node != "" && !IsSubdomain(e.Node) {
		fail("the node's name %s is no DNS subdomain", quote(e.Node))
	}
	if len(e.Zones) > maxHints || len(e.Nodes) > maxHints {
		fail("has hints for %d zones and %d nodes; want at most %d of each", len(e.Zones), len(e.Nodes), maxHints)
		return
	}
	for i, z := range e.Zones {
		if !IsLabelValue(z) || z == "" {
			fail("the hinted zone %s is no label's value", quote(z))
		} else if slices.Contains(e.Zones[:i], z) {
			fail("the hinted zone %s is given twice", quote(z))
		}
	}
	for i, n := range e.Nodes {
		if !IsSubdomain(n) {
			fail("the hinted node %s is no DNS subdomain", quote(n))
		} else if slices.Contains(e.Nodes[:i], n) {
			fail("the hinted node %s is given twice", quote(n))
		}
	}
}

func checkProtocol(field, protocol string, fail Fail) {
	switch backends.Protocol(protocol) {
	case backends.TCP, backends.UDP, backends.SCTP:
	default:
		fail(field, "%s is no protocol; want TCP, UDP or SCTP", quote(protocol))
	}
}

// badAddr says why an address is none that a Service can have, "" when it can.
func badAddr(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "is no IP address"
	case a.Zone() != "":
		return a.WithZone("").String() + " has an IPv6 zone; want a plain address"
	case a.Is4In6():
		return a.String() + " is an IPv4 address in IPv6 clothes; want " + a.Unmap().String()
	case a.IsUnspecified():
		return a.String() + " is the unspecified address"
	}
	return ""
}

// badTarget says why an address is none that an endpoint or an external IP can
// have (ValidateEndpointIP in pkg/apis/core/validation).
func badTarget(a netip.Addr) string {
	if message := badAddr(a); message != "" {
		return message
	}
	switch {
	case a.IsLoopback():
		return a.String() + " is a loopback address"
	case a.IsLinkLocalUnicast(), a.IsLinkLocalMulticast():
		return a.String() + " is a link-local address"
	}
	return ""
}

// IsSubdomain reports whether s is what the API accepts as the name of a node or
// an EndpointSlice: DNS labels and dots, at most 253 characters.
func IsSubdomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	last := byte('.') // a name starts as if behind a dot
	for i := range len(s) {
		c := s[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alphanumeric && (last == '.' || c != '-' && (c != '.' || last == '-')) {
			return false
		}
		last = c
	}
	return last != '.' && last != '-'
}

// IsLabelValue reports whether s is what the API accepts as the value of a
// label: at most 63 letters, digits, and inner hyphens, dots and underscores.
func IsLabelValue(s string) bool {
	if len(s) > 63 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		inner := (c == '-' || c == '_' || c == '.') && i > 0 && i < len(s)-1
		if !alphanumeric && !inner {
			return false
		}
	}
	return true
}
