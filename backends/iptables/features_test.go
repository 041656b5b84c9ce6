package iptables

import (
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// web is an ordinary ServicePort.
func web(f backends.Family) backends.ServicePort {
	p := backends.ServicePort{Namespace: "ns", Name: "web", PortName: "http", Protocol: backends.TCP, Port: 80}
	p.ClusterIP = pick(f, "10.96.0.11", "fd00:96::11")
	for _, a := range []netip.Addr{pick(f, "10.160.0.2", "fd00:10:40::2"), pick(f, "10.160.0.3", "fd00:10:40::3")} {
		p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: netip.AddrPortFrom(a, 8080)})
	}
	return p
}

func pick(f backends.Family, v4, v6 string) netip.Addr {
	if f == backends.IPv6 {
		return netip.MustParseAddr(v6)
	}
	return netip.MustParseAddr(v4)
}

// features change web into what each kind of ServicePort is, by the name of a
// golden file.
func features() map[string]func(n *backends.Node, p *backends.ServicePort) {
	type edit = func(n *backends.Node, p *backends.ServicePort)
	all := func(edits ...edit) edit {
		return func(n *backends.Node, p *backends.ServicePort) {
			for _, e := range edits {
				e(n, p)
			}
		}
	}
	var (
		nodePort   = func(_ *backends.Node, p *backends.ServicePort) { p.NodePort = 30080 }
		externalIP = func(_ *backends.Node, p *backends.ServicePort) {
			p.ExternalIPs = []netip.Addr{pick(p.Family(), "198.51.100.1", "2001:db8:1::1"), pick(p.Family(), "198.51.100.2", "2001:db8:1::2")}
		}
		balancer = func(_ *backends.Node, p *backends.ServicePort) {
			p.LoadBalancerIPs = []netip.Addr{pick(p.Family(), "203.0.113.1", "2001:db8:2::1"), pick(p.Family(), "203.0.113.2", "2001:db8:2::2")}
		}
		ranges = func(_ *backends.Node, p *backends.ServicePort) {
			p.SourceRanges = []netip.Prefix{netip.PrefixFrom(pick(p.Family(), "192.0.2.0", "2001:db8:3::"), 24).Masked()}
		}
		rangesWithNode = func(n *backends.Node, p *backends.ServicePort) {
			ranges(n, p)
			p.SourceRanges = append(p.SourceRanges, netip.PrefixFrom(n.Addr(p.Family()), 16).Masked())
		}
		internalLocal = func(_ *backends.Node, p *backends.ServicePort) { p.InternalLocal = true }
		externalLocal = func(_ *backends.Node, p *backends.ServicePort) { p.ExternalLocal, p.HealthCheckNodePort = true, 32000 }
		oneLocal      = func(_ *backends.Node, p *backends.ServicePort) { p.Endpoints[1].Local = true }
		none          = func(_ *backends.Node, p *backends.ServicePort) { p.Endpoints = nil }
		affinity      = func(_ *backends.Node, p *backends.ServicePort) { p.AffinitySeconds = 10800 }
		noCIDR        = func(n *backends.Node, _ *backends.ServicePort) { n.ClusterCIDRs = nil }
	)
	return map[string]edit{
		"cluster-ip":            all(),
		"no-port-name":          func(_ *backends.Node, p *backends.ServicePort) { p.PortName = "" },
		"udp":                   func(_ *backends.Node, p *backends.ServicePort) { p.Protocol = backends.UDP },
		"sctp":                  all(nodePort, func(_ *backends.Node, p *backends.ServicePort) { p.Protocol = backends.SCTP }),
		"no-cluster-cidr":       noCIDR,
		"no-endpoints":          none,
		"no-endpoints-anywhere": all(nodePort, externalIP, balancer, ranges, externalLocal, none),
		"not-ready":             func(_ *backends.Node, p *backends.ServicePort) { p.Endpoints[0].Conditions = backends.NotReady },
		"terminating": func(_ *backends.Node, p *backends.ServicePort) {
			p.Endpoints[0].Conditions = backends.NotReady | backends.Terminating
			p.Endpoints[1].Conditions = backends.NotReady
		},
		"affinity":                 affinity,
		"node-port":                nodePort,
		"external-ips":             externalIP,
		"load-balancer":            all(nodePort, balancer),
		"source-ranges":            all(nodePort, balancer, ranges),
		"source-ranges-with-node":  all(balancer, rangesWithNode),
		"source-ranges-of-nothing": ranges,
		"internal-local":           all(internalLocal, oneLocal),
		"internal-local-elsewhere": internalLocal,
		"external-local":           all(nodePort, externalIP, balancer, externalLocal, oneLocal),
		"external-local-elsewhere": all(nodePort, externalIP, balancer, externalLocal),
		"external-local-no-cidr":   all(nodePort, externalLocal, oneLocal, noCIDR),
		"external-local-firewall":  all(balancer, rangesWithNode, externalLocal, oneLocal),
		"external-local-to-nobody": externalLocal, // reachable by the ClusterIP alone
		"both-local":               all(nodePort, externalLocal, internalLocal, oneLocal, affinity),
		"both-local-elsewhere":     all(nodePort, externalLocal, internalLocal),
		"local-terminating": all(nodePort, externalLocal, oneLocal, affinity, func(_ *backends.Node, p *backends.ServicePort) {
			p.Endpoints[1].Conditions = backends.NotReady | backends.Terminating
		}),
	}
}
