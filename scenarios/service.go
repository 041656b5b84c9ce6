package scenarios

import "net/netip"

// Service is one Service as the Kubernetes API has it, with its endpoints: what
// a scenario writes out, what an import gives, and what the generator deals.
// Whether a node programs it, and how, is for Expand.
type Service struct {
	Namespace string
	Name      string
	Type      Type
	// ClusterIPs are one or two, of different families; the first is the
	// primary one. None: the Service is headless, or an ExternalName.
	ClusterIPs []netip.Addr
	Ports      []Port

	ExternalIPs  []netip.Addr
	Ingress      []Ingress      // the load balancer's addresses
	SourceRanges []netip.Prefix // who may use those of ipMode VIP; none means everybody

	InternalLocal       bool   // internalTrafficPolicy: Local
	ExternalLocal       bool   // externalTrafficPolicy: Local
	AffinitySeconds     uint32 // the timeout of sessionAffinity ClientIP, 0 without
	HealthCheckNodePort uint16 // 0 for none

	// OtherProxy says that the Service has the label
	// service.kubernetes.io/service-proxy-name: it is left to another proxy, and
	// kube-proxy does not even ask for it (cmd/kube-proxy/app/server.go).
	OtherProxy bool

	Endpoints []Subset
}

// Type is a Service's type in Kubernetes' spelling. A headless Service is one of
// type ClusterIP without any.
type Type string

// The types.
const (
	ClusterIP    Type = "ClusterIP"
	NodePort     Type = "NodePort"
	LoadBalancer Type = "LoadBalancer"
	ExternalName Type = "ExternalName"
)

// Port is one port of a Service. Its name and protocol are unique within the
// Service.
type Port struct {
	Name     string // "" for the only, unnamed one
	Protocol string // TCP, UDP, SCTP
	Port     uint16
	NodePort uint16 // 0 for none
}

// Ingress is an address of a load balancer.
type Ingress struct {
	Addr netip.Addr
	// Proxy says that the load balancer rewrites packets itself (ipMode
	// Proxy), so that no node needs to know the address.
	Proxy bool
}

// Subset is a part of a Service's endpoints that listens on the same ports: an
// EndpointSlice, without its limit of size.
type Subset struct {
	Ports     []TargetPort
	Endpoints []Endpoint
}

// TargetPort says on which port a Subset's endpoints serve a port of the
// Service.
type TargetPort struct {
	Name     string // of the Service's port
	Protocol string
	Port     uint16
}

// Endpoint is one address of a Subset. The zero conditions are those of one that
// is ready.
type Endpoint struct {
	Addr        netip.Addr
	Node        string // name of the node that it is on, "" for unknown
	NotReady    bool
	NotServing  bool
	Terminating bool
	Zones       []string // hints.forZones
	Nodes       []string // hints.forNodes
	Weight      uint16   // 0 stands for 1; the API has none
}
