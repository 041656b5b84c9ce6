package kubeproxy

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/cluster/apiserver"
)

// Objects are everything that a kube-proxy learns: what the API server holds,
// and what of its configuration makes a difference to its rules.
type Objects struct {
	Node           corev1.Node
	Services       []corev1.Service
	EndpointSlices []discoveryv1.EndpointSlice
	ServiceCIDRs   []networkingv1.ServiceCIDR
	// ClusterCIDR is kube-proxy's clusterCIDR: "", a prefix, or one a family with
	// a comma between.
	ClusterCIDR string
}

// Change is what differs between two clusters, object by object.
type Change struct {
	services step[*corev1.Service]
	slices   step[*discoveryv1.EndpointSlice]
}

// step leads objects of one kind from old to new: each of old and now may be nil.
type step[T apiserver.Object] []struct{ old, now T }

// Difference leads from the Services and EndpointSlices of old to those of now.
func Difference(old, now *Objects) *Change {
	return &Change{
		services: difference(pointers(old.Services), pointers(now.Services)),
		slices:   difference(pointers(old.EndpointSlices), pointers(now.EndpointSlices)),
	}
}

func pointers[T any](list []T) []*T {
	p := make([]*T, len(list))
	for i := range list {
		p[i] = &list[i]
	}
	return p
}

func difference[T apiserver.Object](old, now []T) (s step[T]) {
	type name struct{ namespace, name string }
	was := map[name]T{}
	for _, o := range old {
		was[name{o.GetNamespace(), o.GetName()}] = o
	}
	for _, o := range now {
		k := name{o.GetNamespace(), o.GetName()}
		before, there := was[k]
		delete(was, k)
		if !there || !reflect.DeepEqual(before, o) {
			s = append(s, struct{ old, now T }{before, o})
		}
	}
	var none T
	for _, o := range old {
		if _, gone := was[name{o.GetNamespace(), o.GetName()}]; gone {
			s = append(s, struct{ old, now T }{o, none})
		}
	}
	return s
}

// Update makes the change and waits until kube-proxy has taken it in and synced.
func (p *Proxy) Update(ctx context.Context, c *Change) error {
	if err := p.sync(ctx, func() error { return p.publish(c) }); err != nil {
		return p.explain(fmt.Errorf("waiting for a sync: %w", err))
	}
	return nil
}

// publishFirst fills the API server. The Node has no labels yet: see introduce.
func (p *Proxy) publishFirst(o *Objects) error {
	for i := range o.ServiceCIDRs {
		if err := p.store.Set(&o.ServiceCIDRs[i]); err != nil {
			return err
		}
	}
	unlabelled := o.Node.DeepCopy()
	unlabelled.Labels = nil
	if err := p.store.Set(unlabelled); err != nil {
		return err
	}
	return p.publish(Difference(new(Objects), o))
}

// publish makes a change, and counts what kube-proxy will be told: a Service is
// counted by the proxier of each family, a slice by that of its own
// (pkg/proxy/servicechangetracker.go, endpointschangetracker.go).
func (p *Proxy) publish(c *Change) error {
	services, err := push(p.store, c.services, seesService)
	if err != nil {
		return err
	}
	changed, err := push(p.store, c.slices, p.seesSlice)
	if err != nil {
		return err
	}
	p.serviceEvents += len(p.families) * services
	p.sliceEvents += changed
	return nil
}

// push makes a step in the store, and counts the changes that somebody notices
// who sees some objects alone.
func push[T apiserver.Object](store *apiserver.Store, s step[T], sees func(T) bool) (events int, err error) {
	var none T
	for _, c := range s {
		if any(c.now) == any(none) {
			err = store.Delete(c.old)
		} else {
			err = store.Set(c.now)
		}
		if err != nil {
			return 0, err
		}
		if any(c.now) != any(none) && sees(c.now) || any(c.old) != any(none) && sees(c.old) {
			events++
		}
	}
	return events, nil
}

// seesService and seesSlice are kube-proxy's selectors (cmd/kube-proxy/app/server.go)
// and what its trackers do not count.
func seesService(s *corev1.Service) bool {
	_, others := s.Labels["service.kubernetes.io/service-proxy-name"]
	return !others && s.Spec.ClusterIP != corev1.ClusterIPNone
}

func (p *Proxy) seesSlice(s *discoveryv1.EndpointSlice) bool {
	_, headless := s.Labels[corev1.IsHeadlessService]
	return !headless && s.Labels[discoveryv1.LabelServiceName] != "" && slices.Contains(p.families, backends.Family(s.AddressType))
}

// encode has the API server encode its lists once, as kube-proxy will ask for them:
// what a real API server has long done by then is no part of a sync.
func (p *Proxy) encode(ctx context.Context) error {
	for _, r := range []apiserver.Resource{apiserver.Services, apiserver.EndpointSlices} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Path(), http.NoBody)
		if err != nil {
			return err
		}
		req.Header.Set("Accept", "application/vnd.kubernetes.protobuf")
		apiserver.Handler(p.store).ServeHTTP(nowhere{}, req)
	}
	return nil
}

// nowhere is a ResponseWriter that nobody reads.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}
