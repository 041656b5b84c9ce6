package backendtest

import (
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// closedVIP and unallocatedVIP are numbers of ClusterIPs that the node routes to
// the outside host, which answers there.
const (
	closedVIP      = 40
	unallocatedVIP = 41
)

// nobody are the behaviours of what has no endpoint that may answer.
func nobody() []behaviour {
	gone := backends.NotReady | backends.NotServing
	none := func(n int, name string) func(a addresses) []backends.ServicePort {
		return func(a addresses) []backends.ServicePort {
			udp := a.service(n, name, backends.UDP)
			udp.PortName = "udp"
			notReady := a.service(n+1, name+"-not-ready", backends.TCP, condition(a.remote(0), gone), condition(a.local(0), backends.NotReady))
			return []backends.ServicePort{a.service(n, name, backends.TCP), udp, notReady}
		}
	}
	ask := func(from func(*trial) place, to func(*trial, *backends.ServicePort) netip.AddrPort) func(*trial) (Outcome, error) {
		return func(t *trial) (Outcome, error) {
			var each []func() (Outcome, error)
			for i := range t.services {
				p := &t.services[i]
				each = append(each, func() (Outcome, error) { return t.reachesNobody(from(t), p, to(t, p)) })
			}
			return same(each...)
		}
	}
	vip := func(_ *trial, p *backends.ServicePort) netip.AddrPort { return p.VIP() }
	onNodePort := func(t *trial, p *backends.ServicePort) netip.AddrPort { return t.nodeAt(p.NodePort) }
	fromOutside := func(t *trial) place { return t.beyond(1) }
	return []behaviour{
		{
			name: "NoneFromPod", says: "a pod asks a ClusterIP without usable endpoints, over TCP and UDP",
			services: none(30, "none-from-pod"), observe: ask((*trial).pod, vip), want: all(Refused).but(Dropped, Userspace),
		},
		{
			name: "NoneFromNode", says: "a process on the node asks a ClusterIP without usable endpoints, over TCP and UDP",
			services: none(32, "none-from-node"), observe: ask((*trial).theNode, vip), want: all(Refused).but(Dropped, Userspace),
		},
		{
			name: "NoneAtNodePort", says: "a machine outside asks a NodePort without endpoints",
			services: func(a addresses) []backends.ServicePort {
				p := a.service(34, "none-at-node-port", backends.TCP)
				p.NodePort = nodePort(34)
				return []backends.ServicePort{p}
			},
			observe: ask(fromOutside, onNodePort), want: all(Refused).but(Dropped, Userspace),
		},
		{
			name: "NoneAtExternalIP", says: "a machine outside asks an external IP without endpoints",
			services: func(a addresses) []backends.ServicePort {
				p := a.service(35, "none-at-external-ip", backends.TCP)
				p.ExternalIPs = []netip.Addr{a.external(35)}
				return []backends.ServicePort{p}
			},
			observe: ask(fromOutside, func(t *trial, p *backends.ServicePort) netip.AddrPort {
				return netip.AddrPortFrom(p.ExternalIPs[0], p.Port)
			}),
			want: all(Refused).but(Silent, EBPFSocket).but(Dropped, Userspace),
		},
		{
			name: "InternalLocalElsewhere", says: "internalTrafficPolicy Local, and all endpoints are on other nodes: a pod asks",
			services: func(a addresses) []backends.ServicePort {
				p := a.service(36, "internal-local-elsewhere", backends.TCP, a.remotes(2)...)
				p.InternalLocal = true
				return []backends.ServicePort{p}
			},
			// A virtual server without real servers answers with an ICMP error
			// (ip_vs_leave in the kernel).
			observe: ask((*trial).pod, vip), want: all(Silent).but(Refused, EBPFSocket).but(Refused, IPVS).but(AsNode, Userspace),
		},
		{
			name: "ExternalLocalElsewhere", says: "externalTrafficPolicy Local, and all endpoints are on other nodes: a machine outside asks the NodePort",
			services: func(a addresses) []backends.ServicePort {
				p := a.service(37, "external-local-elsewhere", backends.TCP, a.remotes(2)...)
				p.ExternalLocal, p.NodePort = true, nodePort(37)
				return []backends.ServicePort{p}
			},
			// IPVS leads packets on to the other nodes, as kube-proxy does for the
			// node's own pods, and masquerades none of them (syncEndpoint in
			// pkg/proxy/ipvs/proxier.go).
			observe: func(t *trial) (Outcome, error) {
				p := &t.services[0]
				o, err := t.reaches(t.beyond(1), p.Protocol, t.nodeAt(p.NodePort), p.Endpoints...)
				if o == AsItself {
					o = OffNode
				}
				return o, err
			},
			want: all(Silent).but(Refused, EBPFSocket).but(OffNode, IPVS).but(AsNode, Userspace),
		},
		{
			name: "ClosedPort", says: "a pod asks a port of a ClusterIP that no Service has",
			services: func(a addresses) []backends.ServicePort {
				return []backends.ServicePort{a.service(closedVIP, "closed-port", backends.TCP, a.remote(0))}
			},
			observe: func(t *trial) (Outcome, error) {
				return t.reaches(t.pod(), backends.TCP, netip.AddrPortFrom(t.vip(closedVIP), otherPort))
			},
			want: all(PassedOn).but(Refused, IPVS, NFTables, NFTables131),
		},
		{
			name: "UnallocatedClusterIP", says: "a pod asks an address of the Service range that no Service has",
			observe: func(t *trial) (Outcome, error) {
				return t.reaches(t.pod(), backends.TCP, netip.AddrPortFrom(t.vip(unallocatedVIP), otherPort))
			},
			want: all(PassedOn).but(Silent, NFTables, NFTables131),
		},
	}
}
