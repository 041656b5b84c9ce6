package cluster

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/scenarios"
)

// Objects are Services as an API server would hold them.
type Objects struct {
	Services       []corev1.Service
	EndpointSlices []discoveryv1.EndpointSlice
	Nodes          []corev1.Node
}

// perSlice is how many endpoints the EndpointSlice controller puts into a slice
// by default (--max-endpoints-per-slice).
const perSlice = 100

// ObjectsOf is the way back from Services to a cluster of which the node is a
// part: Services makes of its objects what gives every node the same State.
// All fields that the API fills in by default are set. EndpointSlices are named
// by their Service and a number, so that their order is that of the endpoints.
func ObjectsOf(node *backends.Node, services []scenarios.Service) *Objects {
	o := &Objects{Nodes: []corev1.Node{nodeObject(node)}}
	for i := range services {
		s := &services[i]
		o.Services = append(o.Services, serviceObject(s))
		o.EndpointSlices = append(o.EndpointSlices, sliceObjects(s)...)
	}
	return o
}

func nodeObject(n *backends.Node) corev1.Node {
	o := corev1.Node{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: map[string]string{corev1.LabelHostname: n.Name}},
	}
	if n.Zone != "" {
		o.Labels[corev1.LabelTopologyZone] = n.Zone
	}
	for _, a := range n.Addrs {
		o.Status.Addresses = append(o.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: a.String()})
	}
	o.Status.Addresses = append(o.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeHostName, Address: n.Name})
	for _, f := range backends.Families() {
		if p := n.PodCIDR(f); p.IsValid() {
			o.Spec.PodCIDRs = append(o.Spec.PodCIDRs, p.String())
		}
	}
	if len(o.Spec.PodCIDRs) > 0 {
		o.Spec.PodCIDR = o.Spec.PodCIDRs[0]
	}
	return o
}

func serviceObject(s *scenarios.Service) corev1.Service {
	o := corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name},
		Spec: corev1.ServiceSpec{
			Type:            corev1.ServiceType(s.Type),
			SessionAffinity: corev1.ServiceAffinityNone,
			ExternalIPs:     texts(s.ExternalIPs),
		},
	}
	if s.OtherProxy {
		o.Labels = map[string]string{labelProxyName: "another-proxy"}
	}
	if s.Type == scenarios.ExternalName {
		o.Spec.ExternalName = s.Name + "." + s.Namespace + ".example"
	}
	allocate := true
	for _, p := range s.Ports {
		o.Spec.Ports = append(o.Spec.Ports, corev1.ServicePort{
			Name: p.Name, Protocol: corev1.Protocol(p.Protocol), Port: int32(p.Port), NodePort: int32(p.NodePort),
			TargetPort: intstr.FromInt32(int32(p.Port)),
		})
		allocate = allocate && p.NodePort != 0
	}
	if s.Type == scenarios.LoadBalancer {
		o.Spec.AllocateLoadBalancerNodePorts = &allocate
	}
	setClusterIPs(&o.Spec, s)
	for _, in := range s.Ingress {
		mode := corev1.LoadBalancerIPModeVIP
		if in.Proxy {
			mode = corev1.LoadBalancerIPModeProxy
		}
		o.Status.LoadBalancer.Ingress = append(o.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: in.Addr.String(), IPMode: &mode})
	}
	for _, r := range s.SourceRanges {
		o.Spec.LoadBalancerSourceRanges = append(o.Spec.LoadBalancerSourceRanges, r.String())
	}
	setPolicies(&o.Spec, s)
	return o
}

func setClusterIPs(spec *corev1.ServiceSpec, s *scenarios.Service) {
	if s.Type == scenarios.ExternalName {
		return
	}
	if len(s.ClusterIPs) == 0 {
		spec.ClusterIP, spec.ClusterIPs = corev1.ClusterIPNone, []string{corev1.ClusterIPNone}
		return
	}
	spec.ClusterIPs = texts(s.ClusterIPs)
	spec.ClusterIP = spec.ClusterIPs[0]
	policy := corev1.IPFamilyPolicySingleStack
	if len(s.ClusterIPs) == 2 {
		policy = corev1.IPFamilyPolicyRequireDualStack
	}
	spec.IPFamilyPolicy = &policy
	for _, a := range s.ClusterIPs {
		spec.IPFamilies = append(spec.IPFamilies, corev1.IPFamily(backends.FamilyOf(a)))
	}
}

func setPolicies(spec *corev1.ServiceSpec, s *scenarios.Service) {
	if s.Type != scenarios.ExternalName {
		internal := corev1.ServiceInternalTrafficPolicyCluster
		if s.InternalLocal {
			internal = corev1.ServiceInternalTrafficPolicyLocal
		}
		spec.InternalTrafficPolicy = &internal
	}
	switch {
	case s.ExternalLocal:
		spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
	case s.ExternallyAccessible():
		spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyCluster
	}
	spec.HealthCheckNodePort = int32(s.HealthCheckNodePort)
	if s.AffinitySeconds > 0 {
		seconds := int32(s.AffinitySeconds)
		spec.SessionAffinity = corev1.ServiceAffinityClientIP
		spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: &seconds}}
	}
}

// sliceObjects are the Service's EndpointSlices: of one family and at most
// perSlice endpoints each.
func sliceObjects(s *scenarios.Service) []discoveryv1.EndpointSlice {
	var slices []discoveryv1.EndpointSlice
	for i := range s.Endpoints {
		set := &s.Endpoints[i]
		for _, f := range backends.Families() {
			var open *discoveryv1.EndpointSlice
			for j := range set.Endpoints {
				e := &set.Endpoints[j]
				if backends.FamilyOf(e.Addr) != f {
					continue
				}
				if open == nil || len(open.Endpoints) == perSlice {
					slices = append(slices, emptySlice(s, set, f, len(slices)))
					open = &slices[len(slices)-1]
				}
				open.Endpoints = append(open.Endpoints, endpointObject(e))
			}
		}
	}
	return slices
}

func emptySlice(s *scenarios.Service, set *scenarios.Subset, f backends.Family, number int) discoveryv1.EndpointSlice {
	o := discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace, Name: fmt.Sprintf("%s-%06d", s.Name, number),
			Labels: map[string]string{discoveryv1.LabelServiceName: s.Name},
		},
		AddressType: discoveryv1.AddressType(f),
	}
	if s.Type == scenarios.ClusterIP && len(s.ClusterIPs) == 0 {
		o.Labels[labelHeadless] = ""
	}
	for _, p := range set.Ports {
		name, protocol, port := p.Name, corev1.Protocol(p.Protocol), int32(p.Port)
		o.Ports = append(o.Ports, discoveryv1.EndpointPort{Name: &name, Protocol: &protocol, Port: &port})
	}
	return o
}

func endpointObject(e *scenarios.Endpoint) discoveryv1.Endpoint {
	ready, serving, terminating := !e.NotReady, !e.NotServing, e.Terminating
	o := discoveryv1.Endpoint{
		Addresses:  []string{e.Addr.String()},
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
	}
	if e.Node != "" {
		node := e.Node
		o.NodeName = &node
	}
	if len(e.Zones)+len(e.Nodes) > 0 {
		o.Hints = &discoveryv1.EndpointHints{}
		for _, z := range e.Zones {
			o.Hints.ForZones = append(o.Hints.ForZones, discoveryv1.ForZone{Name: z})
		}
		for _, n := range e.Nodes {
			o.Hints.ForNodes = append(o.Hints.ForNodes, discoveryv1.ForNode{Name: n})
		}
	}
	return o
}

func texts(addrs []netip.Addr) []string {
	var list []string
	for _, a := range addrs {
		list = append(list, a.String())
	}
	return list
}
