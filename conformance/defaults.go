package conformance

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DefaultClusterCIDR is where the pods are, if a case does not say.
const DefaultClusterCIDR = "10.128.0.0/9,fd00:10:128::/48"

// NodeName is the node whose kube-proxy it is.
const NodeName = "node-0"

func defaultNode() *corev1.Node {
	return &corev1.Node{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: NodeName, Labels: map[string]string{corev1.LabelTopologyZone: "zone-a"}},
		Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: "192.168.0.1"},
			{Type: corev1.NodeInternalIP, Address: "fd00:192:168::1"},
		}},
	}
}

func defaultServiceCIDR() *networkingv1.ServiceCIDR {
	return &networkingv1.ServiceCIDR{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "ServiceCIDR"},
		ObjectMeta: metav1.ObjectMeta{Name: "kubernetes"},
		Spec:       networkingv1.ServiceCIDRSpec{CIDRs: []string{"10.96.0.0/12", "fd00:10:96::/112"}},
	}
}

// setDefaults fills in what the API server would before anybody sees an object
// (pkg/apis/core/v1/defaults.go and pkg/apis/discovery/v1/defaults.go): kube-proxy
// relies on it.
func (o *Objects) setDefaults() {
	for i := range o.Services {
		serviceDefaults(&o.Services[i].Spec)
		for j := range o.Services[i].Status.LoadBalancer.Ingress {
			in := &o.Services[i].Status.LoadBalancer.Ingress[j]
			if in.IP != "" {
				in.IPMode = or(in.IPMode, corev1.LoadBalancerIPModeVIP)
			}
		}
	}
	for i := range o.EndpointSlices {
		ports := o.EndpointSlices[i].Ports
		for j := range ports {
			ports[j].Name = or(ports[j].Name, "")
			ports[j].Protocol = or(ports[j].Protocol, corev1.ProtocolTCP)
		}
	}
}

func serviceDefaults(s *corev1.ServiceSpec) {
	for i := range s.Ports {
		if s.Ports[i].Protocol == "" {
			s.Ports[i].Protocol = corev1.ProtocolTCP
		}
	}
	if s.Type == "" {
		s.Type = corev1.ServiceTypeClusterIP
	}
	if s.SessionAffinity == "" {
		s.SessionAffinity = corev1.ServiceAffinityNone
	}
	if s.SessionAffinity == corev1.ServiceAffinityClientIP && s.SessionAffinityConfig == nil {
		seconds := corev1.DefaultClientIPServiceAffinitySeconds
		s.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: &seconds}}
	}
	if s.Type == corev1.ServiceTypeExternalName {
		return
	}
	s.InternalTrafficPolicy = or(s.InternalTrafficPolicy, corev1.ServiceInternalTrafficPolicyCluster)
	if s.ExternalTrafficPolicy == "" && (s.Type != corev1.ServiceTypeClusterIP || len(s.ExternalIPs) > 0) {
		s.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyCluster
	}
	if len(s.ClusterIPs) == 0 && s.ClusterIP != "" {
		s.ClusterIPs = []string{s.ClusterIP}
	}
	if s.ClusterIP == "" && len(s.ClusterIPs) > 0 {
		s.ClusterIP = s.ClusterIPs[0]
	}
	if len(s.IPFamilies) > 0 {
		return
	}
	for _, text := range s.ClusterIPs {
		a, err := netip.ParseAddr(text)
		switch {
		case err != nil: // "None"
		case a.Is4():
			s.IPFamilies = append(s.IPFamilies, corev1.IPv4Protocol)
		default:
			s.IPFamilies = append(s.IPFamilies, corev1.IPv6Protocol)
		}
	}
}

func or[T any](p *T, value T) *T {
	if p == nil {
		return &value
	}
	return p
}
