package backendtest

import (
	"net/netip"

	"github.com/svcmark/svcmark/backends"
)

// sharedBalancer is the number of a load balancer's address that the outside
// host holds: the balancer itself, which answers on other ports too.
const sharedBalancer = 75

// balancers are the behaviours of addresses that lead to the node.
func balancers() []behaviour {
	atBalancer := func(p *backends.ServicePort) netip.AddrPort { return netip.AddrPortFrom(p.LoadBalancerIPs[0], p.Port) }
	atExternal := func(p *backends.ServicePort) netip.AddrPort { return netip.AddrPortFrom(p.ExternalIPs[0], p.Port) }
	endpoints := func(a addresses) []backends.Endpoint { return []backends.Endpoint{a.remote(0), a.local(0)} }
	balancer := func(n int, name string, more func(addresses, *backends.ServicePort)) func(a addresses) []backends.ServicePort {
		return func(a addresses) []backends.ServicePort {
			p := a.service(n, name, backends.TCP, endpoints(a)...)
			p.NodePort, p.LoadBalancerIPs = nodePort(n), []netip.Addr{a.external(n)}
			if more != nil {
				more(a, &p)
			}
			return []backends.ServicePort{p}
		}
	}
	external := func(n int, name string) func(a addresses) []backends.ServicePort {
		return func(a addresses) []backends.ServicePort {
			p := a.service(n, name, backends.TCP, endpoints(a)...)
			p.ExternalIPs = []netip.Addr{a.external(n)}
			return []backends.ServicePort{p}
		}
	}
	ask := func(from func(*trial) place, to func(*backends.ServicePort) netip.AddrPort, own func(addresses) []backends.Endpoint) func(*trial) (Outcome, error) {
		return func(t *trial) (Outcome, error) {
			p := &t.services[0]
			return t.reaches(from(t), p.Protocol, to(p), own(t.addresses)...)
		}
	}
	outside := func(n int) func(*trial) place { return func(t *trial) place { return t.beyond(n) } }
	// Of the outside host's addresses only the first sixteen may ask.
	ranges := func(a addresses, p *backends.ServicePort) {
		first := a.outside(0)
		p.SourceRanges = []netip.Prefix{netip.PrefixFrom(first, first.BitLen()-4)}
	}
	nodeRange := func(a addresses, p *backends.ServicePort) {
		p.SourceRanges = []netip.Prefix{netip.PrefixFrom(a.nodeAddr(), a.nodeAddr().BitLen())}
	}
	externalLocal := func(_ addresses, p *backends.ServicePort) { p.ExternalLocal = true }
	return []behaviour{
		{
			name: "BalancerFromOutside", says: "a machine outside asks a load balancer's address",
			services: balancer(60, "balancer-from-outside", nil), observe: ask(outside(1), atBalancer, endpoints), want: all(AsNode).but(Silent, EBPFSocket),
		},
		{
			name: "BalancerFromPod", says: "a pod asks a load balancer's address",
			services: balancer(61, "balancer-from-pod", nil), observe: ask((*trial).pod, atBalancer, endpoints), want: all(AsNode).but(AsItself, EBPFSocket),
		},
		{
			name: "BalancerFromNode", says: "a process on the node asks a load balancer's address",
			services: balancer(62, "balancer-from-node", nil), observe: ask((*trial).theNode, atBalancer, endpoints), want: all(AsNode),
		},
		{
			name: "BalancerLocalFromOutside", says: "externalTrafficPolicy Local: a machine outside that asks it reaches the endpoints on the node, no other",
			services: balancer(63, "balancer-local-from-outside", externalLocal),
			observe: func(t *trial) (Outcome, error) {
				p := &t.services[0]
				return t.reachesLocal(t.beyond(1), p, atBalancer(p), t.local(0))
			},
			want: all(AsItself).but(Silent, EBPFSocket).but(Every, Userspace),
		},
		{
			name: "BalancerLocalFromPod", says: "externalTrafficPolicy Local: a pod that asks it reaches",
			services: balancer(64, "balancer-local-from-pod", externalLocal),
			observe: func(t *trial) (Outcome, error) {
				p := &t.services[0]
				return t.which(t.pod(), p.Protocol, atBalancer(p), p.Endpoints)
			},
			want: all(Every).but(OnNode, IPVS),
		},
		{
			name: "RangesLetIn", says: "loadBalancerSourceRanges: a machine outside asks it from one of them",
			services: balancer(65, "ranges-let-in", ranges), observe: ask(outside(2), atBalancer, endpoints), want: all(AsNode).but(Silent, EBPFSocket),
		},
		{
			name: "RangesKeepOut", says: "loadBalancerSourceRanges: a machine outside asks it from elsewhere",
			services: balancer(66, "ranges-keep-out", ranges), observe: ask(outside(17), atBalancer, endpoints), want: all(Silent).but(AsNode, Userspace),
		},
		{
			name: "RangesKeepOutPods", says: "loadBalancerSourceRanges: a pod asks it, which is in none of them",
			services: balancer(67, "ranges-keep-out-pods", ranges), observe: ask((*trial).pod, atBalancer, endpoints), want: all(Silent).but(AsItself, EBPFSocket).but(AsNode, Userspace),
		},
		{
			name: "RangesLetInNode", says: "loadBalancerSourceRanges: a process on the node asks it, which is in one of them",
			services: balancer(68, "ranges-let-in-node", nodeRange), observe: ask((*trial).theNode, atBalancer, endpoints), want: all(AsNode),
		},
		{
			name: "RangesSpareNodePort", says: "loadBalancerSourceRanges: a machine outside asks the NodePort from elsewhere",
			services: balancer(69, "ranges-spare-node-port", ranges),
			observe: func(t *trial) (Outcome, error) {
				return t.reaches(t.beyond(17), backends.TCP, t.nodeAt(nodePort(69)), endpoints(t.addresses)...)
			},
			want: all(AsNode).but(Refused, EBPFSocket),
		},
		{
			name: "BalancerOtherPort", says: "a pod and a process on the node ask the load balancer itself, on a port that is no Service's",
			services: balancer(sharedBalancer, "balancer-other-port", func(a addresses, p *backends.ServicePort) {
				p.LoadBalancerIPs[0] = a.outside(sharedBalancer)
			}),
			observe: func(t *trial) (Outcome, error) {
				to := netip.AddrPortFrom(t.outside(sharedBalancer), otherPort)
				return same(
					func() (Outcome, error) { return t.reaches(t.theNode(), backends.TCP, to) },
					func() (Outcome, error) { return t.reaches(t.pod(), backends.TCP, to) },
				)
			},
			want: all(PassedOn).but(Refused, IPVS),
		},
		{
			name: "ExternalIPFromOutside", says: "a machine outside asks an external IP",
			services: external(70, "external-ip-from-outside"), observe: ask(outside(1), atExternal, endpoints), want: all(AsNode).but(Silent, EBPFSocket),
		},
		{
			name: "ExternalIPFromPod", says: "a pod asks an external IP",
			services: external(71, "external-ip-from-pod"), observe: ask((*trial).pod, atExternal, endpoints), want: all(AsNode).but(AsItself, EBPFSocket),
		},
	}
}
