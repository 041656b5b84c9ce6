package backendtest

import (
	"fmt"
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// nodePorts are the behaviours of the node's own addresses.
func nodePorts() []behaviour {
	cluster := func(n int, name string) func(a addresses) []backends.ServicePort {
		return func(a addresses) []backends.ServicePort {
			p := a.service(n, name, backends.TCP, a.remote(0), a.remote(1), a.local(0))
			p.NodePort = nodePort(n)
			udp := p
			udp.Protocol, udp.PortName = backends.UDP, "udp"
			return []backends.ServicePort{p, udp}
		}
	}
	local := func(n int, name string) func(a addresses) []backends.ServicePort {
		return func(a addresses) []backends.ServicePort {
			p := a.service(n, name, backends.TCP, a.remote(0), a.remote(1), a.local(0), a.local(1))
			p.NodePort, p.ExternalLocal = nodePort(n), true
			return []backends.ServicePort{p}
		}
	}
	everyone := func(a addresses) []backends.Endpoint {
		return []backends.Endpoint{a.remote(0), a.remote(1), a.local(0)}
	}
	ask := func(from func(*trial) place, to func(addresses) netip.Addr, own func(addresses) []backends.Endpoint) func(*trial) (Outcome, error) {
		return func(t *trial) (Outcome, error) {
			var each []func() (Outcome, error)
			for _, p := range t.services {
				each = append(each, func() (Outcome, error) {
					return t.reaches(from(t), p.Protocol, netip.AddrPortFrom(to(t.addresses), p.NodePort), own(t.addresses)...)
				})
			}
			return same(each...)
		}
	}
	loopback := func(a addresses) netip.Addr {
		if a.family == backends.IPv6 {
			return netip.IPv6Loopback()
		}
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	// A UDP reply of a proxy goes out from the address that the kernel picks, which
	// for a client at loopback is not the one that its packet was led to.
	atLoopback := func(t *trial) (Outcome, error) {
		var came []Outcome
		for _, p := range t.services {
			o, err := t.reaches(t.theNode(), p.Protocol, netip.AddrPortFrom(loopback(t.addresses), p.NodePort), everyone(t.addresses)...)
			if err != nil {
				return "", err
			}
			came = append(came, o)
		}
		switch {
		case came[0] == came[1]:
			return came[0], nil
		case came[0] == AsNode && came[1] == Silent:
			return TCPAlone, nil
		}
		return "", fmt.Errorf("over TCP: %s, and over UDP: %s", came[0], came[1])
	}
	who := func(from func(*trial) place) func(*trial) (Outcome, error) {
		return func(t *trial) (Outcome, error) {
			p := &t.services[0]
			return t.which(from(t), p.Protocol, t.nodeAt(p.NodePort), p.Endpoints)
		}
	}
	fromOutside := func(t *trial) place { return t.beyond(1) }
	return []behaviour{
		{
			name: "NodePortFromOutside", says: "a machine outside asks a NodePort at the node's address, over TCP and UDP",
			services: cluster(50, "node-port-from-outside"), observe: ask(fromOutside, addresses.nodeAddr, everyone), want: all(AsNode).but(Refused, EBPFSocket),
		},
		{
			name: "NodePortFromPod", says: "a pod asks it at the node's address",
			services: cluster(51, "node-port-from-pod"), observe: ask((*trial).pod, addresses.nodeAddr, everyone), want: all(AsNode).but(AsItself, EBPFSocket),
		},
		{
			name: "NodePortFromNode", says: "a process on the node asks it at the node's address",
			services: cluster(52, "node-port-from-node"), observe: ask((*trial).theNode, addresses.nodeAddr, everyone), want: all(AsNode),
		},
		{
			name: "NodePortAtOtherAddress", says: "a pod asks it at another address of the node, its gateway",
			services: cluster(53, "node-port-at-other-address"), observe: ask((*trial).pod, addresses.gateway, everyone),
			want: all(AsNode).but(Refused, EBPFSocket, EBPFTC).but(Refused, NFTables, NFTables131),
		},
		{
			name: "NodePortAt127", says: "a process on the node asks it at 127.0.0.1", only: backends.IPv4,
			services: cluster(54, "node-port-at-127"), observe: atLoopback,
			want: all(AsNode).but(Refused, EBPFSocket, EBPFTC).but(Refused, IPVS, NFTables, NFTables131).but(TCPAlone, Userspace),
		},
		{
			name: "NodePortAtLoopbackIPv6", says: "a process on the node asks it at ::1", only: backends.IPv6,
			services: cluster(55, "node-port-at-loopback"), observe: atLoopback, want: all(Refused).but(TCPAlone, Userspace),
		},
		{
			name: "ExternalLocalFromOutside", says: "externalTrafficPolicy Local: a machine outside reaches the endpoints on the node, no other",
			services: local(56, "external-local-from-outside"),
			observe: func(t *trial) (Outcome, error) {
				p := &t.services[0]
				return t.reachesLocal(fromOutside(t), p, t.nodeAt(p.NodePort), t.local(0), t.local(1))
			},
			want: all(AsItself).but(Refused, EBPFSocket).but(Every, Userspace),
		},
		{
			name: "ExternalLocalFromPod", says: "externalTrafficPolicy Local: a pod that asks the NodePort reaches",
			services: local(57, "external-local-from-pod"), observe: who((*trial).pod), want: all(Every).but(OnNode, IPVS),
		},
		{
			name: "ExternalLocalFromNode", says: "externalTrafficPolicy Local: a process on the node that asks the NodePort reaches",
			services: local(58, "external-local-from-node"), observe: who((*trial).theNode), want: all(Every).but(OnNode, IPVS),
		},
	}
}
