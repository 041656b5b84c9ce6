package backendtest

import (
	"net/netip"
	"slices"

	"github.com/svcmark/svcmark/backends"
)

func node() backends.Node {
	return backends.Node{
		Name:         "node-0",
		Addrs:        []netip.Addr{netip.MustParseAddr("192.168.0.1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9")},
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
	}
}

// service is one ServicePort; its endpoints are "address:port".
func service(name, port string, proto backends.Protocol, vip string, endpoints ...string) backends.ServicePort {
	at := netip.MustParseAddrPort(vip)
	p := backends.ServicePort{
		Namespace: "test", Name: name, PortName: port,
		Protocol: proto, ClusterIP: at.Addr(), Port: at.Port(),
	}
	for _, e := range endpoints {
		p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: netip.MustParseAddrPort(e)})
	}
	return p
}

func state(services ...backends.ServicePort) *backends.State {
	sortServices(services)
	return &backends.State{Node: node(), Services: services}
}

// before and after are two states between which everything changes that can:
// Services come and go, move to another VIP, win, lose and exchange endpoints,
// become empty and stop being so; and some stay. They have Services with one
// VIP address and two ports, one port number over both protocols, and an
// endpoint that serves two Services.
func before() *backends.State {
	return state(
		service("dns", "dns", backends.UDP, "10.96.0.10:53", "10.160.0.10:5353", "10.192.0.10:5353"),
		service("dns", "dns-tcp", backends.TCP, "10.96.0.10:53", "10.160.0.10:5353", "10.192.0.10:5353"),
		service("web", "http", backends.TCP, "10.96.0.11:80", "10.160.0.1:8080", "10.160.0.2:8080", "10.192.0.1:8080"),
		service("web", "https", backends.TCP, "10.96.0.11:443", "10.160.0.1:8443"),
		service("alias", "", backends.TCP, "10.96.1.2:8080", "10.160.0.1:8080"),
		service("leaves", "", backends.TCP, "10.96.7.7:80", "10.192.0.7:8080"),
		service("leaves-too", "", backends.UDP, "10.96.7.8:80", "10.192.0.7:8080"),
		service("moves", "", backends.TCP, "10.96.0.20:80", "10.160.1.1:8080"),
		service("empties", "", backends.TCP, "10.96.0.30:80", "10.160.1.2:8080"),
		service("fills", "", backends.TCP, "10.96.0.31:80"),
		service("fills", "udp", backends.UDP, "10.96.0.31:80"),
	)
}

func after() *backends.State {
	return state(
		service("dns", "dns", backends.UDP, "10.96.0.10:53", "10.192.0.10:5353", "10.192.0.11:5353"),
		service("dns", "dns-tcp", backends.TCP, "10.96.0.10:53", "10.192.0.10:5353"),
		service("web", "http", backends.TCP, "10.96.0.11:80", "10.160.0.1:8080", "10.160.0.3:8080", "10.192.0.1:8080", "10.192.0.2:8080"),
		service("alias", "", backends.TCP, "10.96.1.2:8080", "10.160.0.1:8080"),
		service("comes", "", backends.UDP, "10.96.9.9:123", "10.160.2.1:123"),
		service("moves", "", backends.TCP, "10.96.0.21:80", "10.160.1.1:8080"),
		service("empties", "", backends.TCP, "10.96.0.30:80"),
		service("fills", "", backends.TCP, "10.96.0.31:80", "10.160.1.3:8080"),
		service("fills", "udp", backends.UDP, "10.96.0.31:80", "10.160.1.3:8080", "10.192.1.3:8080"),
	)
}

// everything has all endpoints of all states on the node that has both families,
// for the lab.
func everything() *backends.State {
	s := standing(dualNode())
	s.Services = slices.Concat(s.Services, before().Services, after().Services)
	return s
}

// gone are the ServicePorts whose VIP only the old state serves.
func gone(old, now *backends.State) []backends.ServicePort {
	var missing []backends.ServicePort
	for _, p := range old.Services {
		if !slices.ContainsFunc(now.Services, func(q backends.ServicePort) bool {
			return p.VIP() == q.VIP() && p.Protocol == q.Protocol
		}) {
			missing = append(missing, p)
		}
	}
	return missing
}
