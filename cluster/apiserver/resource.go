package apiserver

import (
	"fmt"
	"path"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is what the store holds: one of the types of Resources, by pointer.
type Object interface {
	metav1.Object
	runtime.Object
}

// Resource is a kind of object and where the API has it.
type Resource struct {
	schema.GroupVersionKind
	Plural     string
	Namespaced bool
}

// The resources that a node's proxy looks at.
var (
	Services = Resource{schema.GroupVersionKind{Version: "v1", Kind: "Service"}, "services", true}
	Nodes    = Resource{schema.GroupVersionKind{Version: "v1", Kind: "Node"}, "nodes", false}

	EndpointSlices = Resource{schema.GroupVersionKind{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"}, "endpointslices", true}
	ServiceCIDRs   = Resource{schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "ServiceCIDR"}, "servicecidrs", false}
)

// Resources are all that the server has.
func Resources() []Resource { return []Resource{Services, EndpointSlices, Nodes, ServiceCIDRs} }

// new is an empty object of the resource.
func (r Resource) new() Object {
	switch r {
	case Services:
		return new(corev1.Service)
	case EndpointSlices:
		return new(discoveryv1.EndpointSlice)
	case Nodes:
		return new(corev1.Node)
	}
	return new(networkingv1.ServiceCIDR)
}

// root is the path of the resource's group and version.
func (r Resource) root() string { return apiRoot(r.GroupVersion()) }

// Path is where the collection of all namespaces is.
func (r Resource) Path() string { return path.Join(r.root(), r.Plural) }

func apiRoot(gv schema.GroupVersion) string {
	if gv.Group == "" {
		return "/api/" + gv.Version
	}
	return "/apis/" + gv.Group + "/" + gv.Version
}

// resourceOf tells what an object is, and the fields by which it can be selected
// (pkg/registry/core/service/strategy.go in Kubernetes, and ObjectMeta for all).
func resourceOf(o Object) (Resource, fields.Set, error) {
	f := fields.Set{"metadata.name": o.GetName()}
	var r Resource
	switch o := o.(type) {
	case *corev1.Service:
		r = Services
		f["spec.clusterIP"], f["spec.type"] = o.Spec.ClusterIP, string(o.Spec.Type)
	case *discoveryv1.EndpointSlice:
		r = EndpointSlices
	case *corev1.Node:
		r = Nodes
	case *networkingv1.ServiceCIDR:
		r = ServiceCIDRs
	default:
		return Resource{}, nil, fmt.Errorf("the API server has no resource for a %T", o)
	}
	if r.Namespaced {
		f["metadata.namespace"] = o.GetNamespace()
	}
	if o.GetName() == "" || r.Namespaced == (o.GetNamespace() == "") {
		return Resource{}, nil, fmt.Errorf("the %s %q in the namespace %q is not named as the API does", r.Kind, o.GetName(), o.GetNamespace())
	}
	return r, f, nil
}
