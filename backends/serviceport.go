package backends

import (
	"cmp"
	"net/netip"
)

// Protocol is a transport protocol in Kubernetes' spelling.
type Protocol string

// The protocols that a ServicePort can have.
const (
	TCP  Protocol = "TCP"
	UDP  Protocol = "UDP"
	SCTP Protocol = "SCTP"
)

// ServicePort is one port of one Service in one IP family: the unit that
// kube-proxy programs (pkg/proxy.ServicePort). A Service of two ports in two
// families is four of them.
type ServicePort struct {
	Namespace string
	Name      string
	PortName  string // "" for the only, unnamed port of a Service
	Protocol  Protocol

	// ClusterIP is always there and decides the family; every other address
	// here is of the same one.
	ClusterIP netip.Addr
	Port      uint16

	NodePort    uint16 // 0 for none
	ExternalIPs []netip.Addr
	// LoadBalancerIPs are the load balancer's addresses of ipMode VIP. Those of
	// ipMode Proxy are nothing that a node programs.
	LoadBalancerIPs []netip.Addr
	// SourceRanges limit who may use the LoadBalancerIPs (field
	// loadBalancerSourceRanges). None means everybody: the range of length 0
	// is never among them.
	SourceRanges []netip.Prefix

	InternalLocal bool // internalTrafficPolicy: Local
	ExternalLocal bool // externalTrafficPolicy: Local; only of a Service that is reachable from outside
	// HealthCheckNodePort is what a load balancer asks whether the node has
	// endpoints, 0 for none.
	HealthCheckNodePort uint16
	// AffinitySeconds is the timeout of sessionAffinity ClientIP, 0 without
	// affinity.
	AffinitySeconds uint32

	// Endpoints are all of them, ready or not, in the order of
	// Endpoint.Compare, no two with the same address. Reachable says which are
	// used.
	Endpoints []Endpoint
}

// Key identifies a ServicePort within a State.
type Key struct {
	Namespace string
	Name      string
	PortName  string
	Protocol  Protocol
	Family    Family
}

// Key is what the ServicePort keeps when anything else of it changes.
func (p *ServicePort) Key() Key {
	return Key{p.Namespace, p.Name, p.PortName, p.Protocol, p.Family()}
}

// Family is the IP family of all the ServicePort's addresses.
func (p *ServicePort) Family() Family { return FamilyOf(p.ClusterIP) }

// String is the name that kube-proxy gives a ServicePort: namespace/name:port,
// without the colon when the port has no name.
func (p *ServicePort) String() string {
	if p.PortName == "" {
		return p.Namespace + "/" + p.Name
	}
	return p.Namespace + "/" + p.Name + ":" + p.PortName
}

// VIP is the virtual address that clients dial.
func (p *ServicePort) VIP() netip.AddrPort { return netip.AddrPortFrom(p.ClusterIP, p.Port) }

// ExternallyAccessible reports whether there is another way to the ServicePort
// than its ClusterIP.
func (p *ServicePort) ExternallyAccessible() bool {
	return p.NodePort != 0 || len(p.ExternalIPs) > 0 || len(p.LoadBalancerIPs) > 0
}

// Compare orders ServicePorts by namespace, name, port name, protocol and
// family.
func (p *ServicePort) Compare(q *ServicePort) int {
	return cmp.Or(
		cmp.Compare(p.Namespace, q.Namespace),
		cmp.Compare(p.Name, q.Name),
		cmp.Compare(p.PortName, q.PortName),
		cmp.Compare(p.Protocol, q.Protocol),
		cmp.Compare(p.Family(), q.Family()),
	)
}
