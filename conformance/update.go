package conformance

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/cluster/apiserver"
)

// Update makes the API server hold other Objects and waits until kube-proxy has
// taken in every change and synced after the last. The Node and what does not
// come from the API must be the same.
func (r *Real) Update(ctx context.Context, o *Objects) error {
	if err := r.publish(o); err != nil {
		return err
	}
	if err := r.until(ctx, r.synced); err != nil {
		return r.explain(fmt.Errorf("waiting for a sync: %w", err))
	}
	return nil
}

// publish changes what differs, and counts what kube-proxy will be told.
func (r *Real) publish(o *Objects) error {
	old := r.told
	if old == nil {
		old = new(Objects)
		for i := range o.ServiceCIDRs {
			if err := r.store.Set(&o.ServiceCIDRs[i]); err != nil {
				return err
			}
		}
		unlabelled := o.Node.DeepCopy()
		unlabelled.Labels = nil // see introduce
		if err := r.store.Set(unlabelled); err != nil {
			return err
		}
	}
	services, err := change(r.store, pointers(old.Services), pointers(o.Services), seesService)
	if err != nil {
		return err
	}
	changed, err := change(r.store, pointers(old.EndpointSlices), pointers(o.EndpointSlices), r.seesSlice)
	if err != nil {
		return err
	}
	// A Service is counted by the proxier of each family, a slice by that of its own
	// (pkg/proxy/servicechangetracker.go, endpointschangetracker.go).
	r.serviceEvents += len(r.families) * services
	r.sliceEvents += changed
	r.told = o
	return nil
}

func pointers[T any](list []T) []*T {
	p := make([]*T, len(list))
	for i := range list {
		p[i] = &list[i]
	}
	return p
}

// change makes the store hold the new objects of a kind instead of the old ones,
// and counts the changes that somebody notices who sees some of them alone.
func change[T apiserver.Object](store *apiserver.Store, old, now []T, sees func(T) bool) (events int, err error) {
	type name struct{ namespace, name string }
	was := map[name]T{}
	for _, o := range old {
		was[name{o.GetNamespace(), o.GetName()}] = o
	}
	for _, o := range now {
		k := name{o.GetNamespace(), o.GetName()}
		before, there := was[k]
		delete(was, k)
		if there && reflect.DeepEqual(before, o) {
			continue
		}
		if err := store.Set(o); err != nil {
			return 0, err
		}
		if sees(o) || there && sees(before) {
			events++
		}
	}
	for _, o := range was {
		if err := store.Delete(o); err != nil {
			return 0, err
		}
		if sees(o) {
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

func (r *Real) seesSlice(s *discoveryv1.EndpointSlice) bool {
	_, headless := s.Labels[corev1.IsHeadlessService]
	return !headless && s.Labels[discoveryv1.LabelServiceName] != "" && slices.Contains(r.families, backends.Family(s.AddressType))
}

// synced says by kube-proxy's own metrics whether it has been told everything
// and has synced it: its trackers have counted all changes, none is pending, and
// each family's last successful sync is later than the last request for one.
func (r *Real) synced() (bool, error) {
	m, err := r.scrape()
	if err != nil {
		return false, nil // it does not listen yet
	}
	done := m["kubeproxy_sync_proxy_rules_service_changes_total"] == float64(r.serviceEvents) &&
		m["kubeproxy_sync_proxy_rules_endpoint_changes_total"] == float64(r.sliceEvents) &&
		m["kubeproxy_sync_proxy_rules_service_changes_pending"] == 0 && m["kubeproxy_sync_proxy_rules_endpoint_changes_pending"] == 0
	for _, f := range r.families {
		last := m[`kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="`+string(f)+`"}`]
		queued := m[`kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family="`+string(f)+`"}`]
		done = done && last > 0 && last >= queued
	}
	return done, nil
}

// scrape reads the metrics by name and labels.
func (r *Real) scrape() (map[string]float64, error) {
	resp, err := r.metrics.Get("http://127.0.0.1:10249/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the metrics are %s", resp.Status)
	}
	m := map[string]float64{}
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		name, value, ok := strings.Cut(s.Text(), " ")
		if !ok || !strings.HasPrefix(name, "kubeproxy_sync_proxy_rules_") {
			continue
		}
		if m[name], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, err
		}
	}
	return m, nil
}
