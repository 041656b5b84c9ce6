package kubeproxy

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/apiclient"
	"github.com/svcmark/svcmark/cluster/apiserver"
)

// Update makes the change and waits until kube-proxy has taken it in and synced.
func (p *Proxy) Update(ctx context.Context, c *apiclient.Change) error {
	if err := p.sync(ctx, func() error { return p.publish(ctx, c) }); err != nil {
		return p.explain(fmt.Errorf("waiting for a sync: %w", err))
	}
	return nil
}

// publishFirst fills the API server. The Node has no labels yet: see introduce.
func (p *Proxy) publishFirst(ctx context.Context, o *apiclient.Objects) error {
	for i := range o.ServiceCIDRs {
		if err := p.feed.Set(&o.ServiceCIDRs[i]); err != nil {
			return err
		}
	}
	unlabelled := o.Node.DeepCopy()
	unlabelled.Labels = nil
	if err := p.feed.Set(unlabelled); err != nil {
		return err
	}
	return p.publish(ctx, apiclient.Difference(new(apiclient.Objects), o))
}

// publish makes a change, and counts what kube-proxy will be told: a Service is
// counted by the proxier of each family, a slice by that of its own
// (pkg/proxy/servicechangetracker.go, endpointschangetracker.go).
func (p *Proxy) publish(ctx context.Context, c *apiclient.Change) error {
	if err := p.feed.Push(ctx, c); err != nil {
		return err
	}
	p.serviceEvents += len(p.families) * seen(c.Services, seesService)
	p.sliceEvents += seen(c.EndpointSlices, p.seesSlice)
	return nil
}

// seen counts the changes that somebody notices who sees some objects alone.
func seen[T apiserver.Object](changes []apiserver.Change, sees func(T) bool) (events int) {
	in := func(o apiserver.Object) bool { t, ok := o.(T); return ok && sees(t) }
	for _, c := range changes {
		if in(c.Now) || in(c.Old) {
			events++
		}
	}
	return events
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
