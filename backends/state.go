package backends

import (
	"cmp"
	"net/netip"
)

// Protocol is a transport protocol in Kubernetes' spelling.
type Protocol string

// The protocols that a ServicePort can have.
const (
	TCP Protocol = "TCP"
	UDP Protocol = "UDP"
)

// State is everything that a node's dataplane should serve. It is immutable
// once built: backends share it and never write to it.
type State struct {
	Node Node
	// Services are in the order in which a backend whose lookup walks a list
	// lays them out; position measurements rely on it. The generator sorts
	// them by ServicePort.Compare.
	Services []ServicePort
}

// Node is the node whose dataplane is programmed.
type Node struct {
	Name  string
	Addrs []netip.Addr // the node's own addresses, InternalIP first
	// ClusterCIDR holds every pod. Traffic from outside it to a ClusterIP is
	// masqueraded, as kube-proxy does with --cluster-cidr.
	ClusterCIDR netip.Prefix
	ServiceCIDR netip.Prefix // holds every ClusterIP
}

// ServicePort is one port of one Service: the unit that kube-proxy programs.
type ServicePort struct {
	Namespace string
	Name      string
	PortName  string // "" for the only, unnamed port of a Service
	Protocol  Protocol
	ClusterIP netip.Addr
	Port      uint16
	Endpoints []Endpoint // the ready ones, sorted by address
}

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

// Compare orders ServicePorts by namespace, name, port name and protocol.
func (p *ServicePort) Compare(q *ServicePort) int {
	return cmp.Or(
		cmp.Compare(p.Namespace, q.Namespace),
		cmp.Compare(p.Name, q.Name),
		cmp.Compare(p.PortName, q.PortName),
		cmp.Compare(p.Protocol, q.Protocol),
	)
}

// Endpoint is one ready endpoint of a ServicePort.
type Endpoint struct {
	Addr  netip.AddrPort
	Local bool // on the node whose dataplane is programmed
}
