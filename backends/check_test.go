package backends

import (
	"net/netip"
	"strings"
	"testing"
)

// full is a ServicePort that has everything.
func full() ServicePort {
	return ServicePort{
		Namespace: "ns", Name: "web", PortName: "http", Protocol: TCP,
		ClusterIP: netip.MustParseAddr("10.96.0.1"), Port: 80, NodePort: 30080,
		ExternalIPs:     []netip.Addr{netip.MustParseAddr("198.51.100.1")},
		LoadBalancerIPs: []netip.Addr{netip.MustParseAddr("203.0.113.1")},
		SourceRanges:    []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		AffinitySeconds: 10800,
		Endpoints:       []Endpoint{endpoint("10.160.0.10:80"), endpoint("10.160.0.2:80")},
	}
}

func endpoint(addr string) Endpoint { return Endpoint{Addr: netip.MustParseAddrPort(addr)} }

func TestCheckRefuses(t *testing.T) {
	good := State{Services: []ServicePort{full()}, Node: Node{ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/56")}}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	v6 := netip.MustParseAddr("fd00::1")
	for name, spoil := range map[string]func(s *State, p *ServicePort){
		"a quote in the namespace":     func(_ *State, p *ServicePort) { p.Namespace = `a"b` },
		"a newline in the name":        func(_ *State, p *ServicePort) { p.Name = "a\n-A INPUT -j DROP" },
		"a space in the port name":     func(_ *State, p *ServicePort) { p.PortName = "a -j ACCEPT" },
		"an upper-case name":           func(_ *State, p *ServicePort) { p.Name = "A" },
		"no name":                      func(_ *State, p *ServicePort) { p.Name = "" },
		"a name of 64 bytes":           func(_ *State, p *ServicePort) { p.Name = strings.Repeat("a", 64) },
		"a leading hyphen":             func(_ *State, p *ServicePort) { p.Name = "-a" },
		"a dot":                        func(_ *State, p *ServicePort) { p.Name = "a.b" },
		"a protocol in lower case":     func(_ *State, p *ServicePort) { p.Protocol = "tcp" },
		"no ClusterIP":                 func(_ *State, p *ServicePort) { p.ClusterIP = netip.Addr{} },
		"an unspecified ClusterIP":     func(_ *State, p *ServicePort) { p.ClusterIP = netip.IPv4Unspecified() },
		"an IPv4-mapped ClusterIP":     func(_ *State, p *ServicePort) { p.ClusterIP = netip.MustParseAddr("::ffff:10.0.0.1") },
		"another family":               func(_ *State, p *ServicePort) { p.ClusterIP = v6 },
		"port 0":                       func(_ *State, p *ServicePort) { p.Port = 0 },
		"an IPv6 external IP":          func(_ *State, p *ServicePort) { p.ExternalIPs[0] = v6 },
		"no load balancer's IP":        func(_ *State, p *ServicePort) { p.LoadBalancerIPs[0] = netip.Addr{} },
		"an unmasked source range":     func(_ *State, p *ServicePort) { p.SourceRanges[0] = netip.MustParsePrefix("192.0.2.1/24") },
		"everybody as a source range":  func(_ *State, p *ServicePort) { p.SourceRanges[0] = netip.MustParsePrefix("0.0.0.0/0") },
		"an affinity of two days":      func(_ *State, p *ServicePort) { p.AffinitySeconds = 2 * 86400 },
		"an endpoint without address":  func(_ *State, p *ServicePort) { p.Endpoints[0].Addr = netip.AddrPort{} },
		"an endpoint with a zone":      func(_ *State, p *ServicePort) { p.Endpoints[0] = endpoint("[fd00::1%a -j]:80") },
		"an endpoint with port 0":      func(_ *State, p *ServicePort) { p.Endpoints[0] = endpoint("10.160.0.1:0") },
		"endpoints in numerical order": func(_ *State, p *ServicePort) { p.Endpoints[0], p.Endpoints[1] = p.Endpoints[1], p.Endpoints[0] },
		"an endpoint twice":            func(_ *State, p *ServicePort) { p.Endpoints[1] = p.Endpoints[0] },
		"two ranges of one family": func(s *State, _ *ServicePort) {
			s.Node.ClusterCIDRs = append(s.Node.ClusterCIDRs[:1:1], netip.MustParsePrefix("10.0.0.0/9"))
		},
		"an invalid range": func(s *State, _ *ServicePort) { s.Node.ClusterCIDRs = []netip.Prefix{{}} },
	} {
		s := good
		s.Services = []ServicePort{full()}
		spoil(&s, &s.Services[0])
		if err := s.Check(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
