package apiclient

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/svcmark/svcmark/backends"
)

// Objects are everything that a node's proxy learns: what the API server holds, and
// what of its configuration makes a difference to what it programs.
type Objects struct {
	Node           corev1.Node
	Services       []corev1.Service
	EndpointSlices []discoveryv1.EndpointSlice
	ServiceCIDRs   []networkingv1.ServiceCIDR
	// ClusterCIDR is kube-proxy's clusterCIDR: "", a prefix, or one a family with
	// a comma between.
	ClusterCIDR string
}

// elsewhere is the node of all endpoints that are not local: a proxy asks for no
// more.
const elsewhere = "elsewhere"

type serviceName struct{ namespace, name string }

func nameOf(p *backends.ServicePort) serviceName { return serviceName{p.Namespace, p.Name} }

// ObjectsOf is a State as the API's objects: those of which a proxy makes the
// State again. The order of Services is that of their first ServicePorts.
func ObjectsOf(state *backends.State) *Objects {
	o := &Objects{Node: nodeObject(&state.Node), ClusterCIDR: join(state.Node.ClusterCIDRs)}
	if len(state.Node.ServiceCIDRs) > 0 {
		cidrs := networkingv1.ServiceCIDR{ObjectMeta: metav1.ObjectMeta{Name: "kubernetes"}}
		for _, c := range state.Node.ServiceCIDRs {
			cidrs.Spec.CIDRs = append(cidrs.Spec.CIDRs, c.String())
		}
		o.ServiceCIDRs = append(o.ServiceCIDRs, cidrs)
	}
	ports := map[serviceName][]*backends.ServicePort{}
	var order []serviceName
	for i := range state.Services {
		p := &state.Services[i]
		if ports[nameOf(p)] == nil {
			order = append(order, nameOf(p))
		}
		ports[nameOf(p)] = append(ports[nameOf(p)], p)
	}
	for _, n := range order {
		o.Services = append(o.Services, serviceObject(ports[n]))
		o.EndpointSlices = append(o.EndpointSlices, sliceObjects(state.Node.Name, ports[n])...)
	}
	return o
}

func join(prefixes []netip.Prefix) string {
	var texts []string
	for _, p := range prefixes {
		texts = append(texts, p.String())
	}
	return strings.Join(texts, ",")
}

func nodeObject(n *backends.Node) corev1.Node {
	o := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: map[string]string{corev1.LabelHostname: n.Name}}}
	if n.Zone != "" {
		o.Labels[corev1.LabelTopologyZone] = n.Zone
	}
	for _, a := range n.Addrs {
		o.Status.Addresses = append(o.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: a.String()})
	}
	return o
}

// serviceObject is the Service of ServicePorts, with every field set that the API
// fills in by default.
func serviceObject(ports []*backends.ServicePort) corev1.Service {
	first := ports[0]
	internal := corev1.ServiceInternalTrafficPolicyCluster
	if first.InternalLocal {
		internal = corev1.ServiceInternalTrafficPolicyLocal
	}
	o := corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: first.Namespace, Name: first.Name},
		Spec:       corev1.ServiceSpec{Type: serviceType(ports), SessionAffinity: corev1.ServiceAffinityNone, InternalTrafficPolicy: &internal},
	}
	s := &o.Spec
	families := map[backends.Family]bool{}
	named := map[string]bool{}
	for _, p := range ports {
		if key := string(p.Protocol) + "/" + p.PortName; !named[key] {
			named[key] = true
			s.Ports = append(s.Ports, corev1.ServicePort{
				Name: p.PortName, Protocol: corev1.Protocol(p.Protocol), Port: int32(p.Port), NodePort: int32(p.NodePort),
				TargetPort: intstr.FromInt32(int32(p.Port)),
			})
		}
		if families[p.Family()] {
			continue
		}
		families[p.Family()] = true
		s.ClusterIPs = append(s.ClusterIPs, p.ClusterIP.String())
		s.IPFamilies = append(s.IPFamilies, corev1.IPFamily(p.Family()))
		for _, a := range p.ExternalIPs {
			s.ExternalIPs = append(s.ExternalIPs, a.String())
		}
		for _, r := range p.SourceRanges {
			s.LoadBalancerSourceRanges = append(s.LoadBalancerSourceRanges, r.String())
		}
		for _, a := range p.LoadBalancerIPs {
			mode := corev1.LoadBalancerIPModeVIP
			o.Status.LoadBalancer.Ingress = append(o.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: a.String(), IPMode: &mode})
		}
	}
	s.ClusterIP = s.ClusterIPs[0]
	policy := corev1.IPFamilyPolicySingleStack
	if len(s.ClusterIPs) > 1 {
		policy = corev1.IPFamilyPolicyRequireDualStack
	}
	s.IPFamilyPolicy = &policy
	if first.ExternalLocal {
		s.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
	} else if s.Type != corev1.ServiceTypeClusterIP || len(s.ExternalIPs) > 0 {
		s.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyCluster
	}
	s.HealthCheckNodePort = int32(first.HealthCheckNodePort)
	if first.AffinitySeconds > 0 {
		seconds := int32(first.AffinitySeconds)
		s.SessionAffinity = corev1.ServiceAffinityClientIP
		s.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: &seconds}}
	}
	return o
}

// serviceType is the least type that a Service with these ServicePorts has.
func serviceType(ports []*backends.ServicePort) corev1.ServiceType {
	t := corev1.ServiceTypeClusterIP
	for _, p := range ports {
		switch {
		case len(p.LoadBalancerIPs) > 0 || len(p.SourceRanges) > 0 || p.HealthCheckNodePort > 0 || p.ExternalLocal && !p.ExternallyAccessible():
			return corev1.ServiceTypeLoadBalancer
		case p.NodePort > 0:
			t = corev1.ServiceTypeNodePort
		}
	}
	return t
}

// perSlice is how many endpoints the EndpointSlice controller puts into a slice
// by default (--max-endpoints-per-slice).
const perSlice = 100

// pod is an endpoint without its port. again tells those apart of which a port leads
// to several ports.
type pod struct {
	addr       netip.Addr
	local      bool
	conditions backends.Conditions
	hints      string
	again      int
}

// sliceObjects are a Service's EndpointSlices as the controller makes them: of one
// family, of pods with the same ports, and of at most perSlice endpoints.
func sliceObjects(node string, ports []*backends.ServicePort) []discoveryv1.EndpointSlice {
	var all []discoveryv1.EndpointSlice
	for _, f := range backends.Families() {
		pods, targets := podsOf(ports, f)
		open := map[string]int{} // the slice that takes pods with these ports, by its index
		for i, p := range pods {
			key := fmt.Sprint(targets[i])
			at, ok := open[key]
			if !ok || len(all[at].Endpoints) == perSlice {
				at = len(all)
				open[key] = at
				all = append(all, emptySlice(ports[0], f, targets[i], at))
			}
			all[at].Endpoints = append(all[at].Endpoints, p.object(node))
		}
	}
	return all
}

// target is a port of a pod, and the ServicePort that leads to it.
type target struct {
	name     string
	protocol backends.Protocol
	port     uint16
}

// podsOf are the pods of a family in the order in which the ServicePorts name them,
// and the ports of each.
func podsOf(ports []*backends.ServicePort, f backends.Family) (pods []discoveryPod, targets [][]target) {
	index := map[pod]int{}
	for _, p := range ports {
		if p.Family() != f {
			continue
		}
		for j := range p.Endpoints {
			e := &p.Endpoints[j]
			t := target{p.PortName, p.Protocol, e.Addr.Port()}
			k := pod{addr: e.Addr.Addr(), local: e.Local, conditions: e.Conditions, hints: fmt.Sprint(e.Hints)}
			for ; ; k.again++ {
				at, there := index[k]
				if !there {
					index[k] = len(pods)
					pods, targets = append(pods, discoveryPod{e}), append(targets, []target{t})
					break
				}
				if !leads(targets[at], t) {
					targets[at] = append(targets[at], t)
					break
				}
			}
		}
	}
	return pods, targets
}

// leads says whether a ServicePort has a port among the targets.
func leads(targets []target, t target) bool {
	for _, o := range targets {
		if o.name == t.name && o.protocol == t.protocol {
			return true
		}
	}
	return false
}

func emptySlice(p *backends.ServicePort, f backends.Family, targets []target, number int) discoveryv1.EndpointSlice {
	o := discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			// A slice never changes its addressType: so none of another family has its name.
			Namespace: p.Namespace, Name: fmt.Sprintf("%s-%s-%d", p.Name, strings.ToLower(string(f)), number),
			Labels: map[string]string{discoveryv1.LabelServiceName: p.Name},
		},
		AddressType: discoveryv1.AddressType(f),
	}
	for _, t := range targets {
		name, protocol, port := t.name, corev1.Protocol(t.protocol), int32(t.port)
		o.Ports = append(o.Ports, discoveryv1.EndpointPort{Name: &name, Protocol: &protocol, Port: &port})
	}
	return o
}

// discoveryPod is an endpoint as one of its ServicePorts has it.
type discoveryPod struct{ *backends.Endpoint }

func (p discoveryPod) object(node string) discoveryv1.Endpoint {
	ready, serving, terminating := p.Ready(), p.Serving(), p.Conditions&backends.Terminating != 0
	if !p.Local {
		node = elsewhere
	}
	o := discoveryv1.Endpoint{
		Addresses:  []string{p.Addr.Addr().String()},
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
		NodeName:   &node,
	}
	if p.Hints == nil {
		return o
	}
	o.Hints = &discoveryv1.EndpointHints{}
	for _, z := range p.Hints.Zones {
		o.Hints.ForZones = append(o.Hints.ForZones, discoveryv1.ForZone{Name: z})
	}
	for _, n := range p.Hints.Nodes {
		o.Hints.ForNodes = append(o.Hints.ForNodes, discoveryv1.ForNode{Name: n})
	}
	return o
}
