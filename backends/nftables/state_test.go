package nftables

import (
	"net/netip"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// small is a state with every feature.
func small() *backends.State {
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	endpoint := func(s string, local bool) backends.Endpoint {
		return backends.Endpoint{Addr: netip.MustParseAddrPort(s), Local: local}
	}
	one, two, three := endpoint("10.160.0.1:8080", true), endpoint("10.160.0.2:8080", false), endpoint("10.160.0.10:8080", false)
	port := func(name, portName string, proto backends.Protocol, vip string, endpoints ...backends.Endpoint) backends.ServicePort {
		at := netip.MustParseAddrPort(vip)
		backends.SortEndpoints(endpoints)
		return backends.ServicePort{
			Namespace: "ns1", Name: name, PortName: portName, Protocol: proto,
			ClusterIP: at.Addr(), Port: at.Port(), Endpoints: endpoints,
		}
	}
	empty := port("empty", "", backends.TCP, "10.96.0.12:443")
	empty.NodePort, empty.ExternalIPs = 30443, []netip.Addr{addr("192.0.2.1")}
	inside := port("inside", "", backends.UDP, "10.96.0.13:53", two)
	inside.InternalLocal = true
	balanced := port("balanced", "web", backends.TCP, "10.96.0.14:80", one, two)
	balanced.NodePort, balanced.LoadBalancerIPs = 30080, []netip.Addr{addr("198.51.100.1")}
	balanced.SourceRanges = []netip.Prefix{prefix("203.0.113.0/24"), prefix("192.168.0.0/16")}
	local := port("local", "", backends.SCTP, "10.96.0.15:80", one, three)
	local.NodePort, local.ExternalLocal = 30081, true
	elsewhere := port("elsewhere", "", backends.TCP, "10.96.0.16:80", two)
	elsewhere.LoadBalancerIPs, elsewhere.ExternalLocal = []netip.Addr{addr("198.51.100.2")}, true
	sticky := port("sticky", "", backends.TCP, "10.96.0.17:80", one, two, three)
	sticky.AffinitySeconds = 10800
	v6 := port("svc1", "p80", backends.TCP, "[fd00:96::b]:80", endpoint("[fd00:10::1]:80", true), endpoint("[fd00:10::2]:80", false))
	v6.ExternalIPs = []netip.Addr{addr("2001:db8::1")}
	v6sticky := port("svc1", "p81", backends.TCP, "[fd00:96::b]:81", endpoint("[fd00:10::1]:80", true))
	v6sticky.AffinitySeconds = 60
	return &backends.State{
		Node: backends.Node{
			Name:         "node-0",
			Addrs:        []netip.Addr{addr("192.168.0.1"), addr("fd00:192::1")},
			ClusterCIDRs: []netip.Prefix{prefix("10.128.0.0/9"), prefix("fd00:10::/32")},
			ServiceCIDRs: []netip.Prefix{prefix("10.96.0.0/12"), prefix("fd00:96::/112")},
		},
		Services: []backends.ServicePort{
			balanced, elsewhere, empty, inside, local, sticky,
			port("svc1", "p80", backends.TCP, "10.96.0.11:80", two, three), v6, v6sticky,
		},
	}
}

// render gives a layout's scripts by name.
func render(l Layout, s *backends.State) (map[string]string, error) {
	parts, err := New(l).Render(s)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, p := range parts {
		var b strings.Builder
		if err := p.Write(&b); err != nil {
			return nil, err
		}
		texts[p.Name] = b.String()
	}
	return texts, nil
}

func layouts() []Layout { return []Layout{Layout136, Layout131} }
