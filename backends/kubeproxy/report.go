package kubeproxy

import (
	"context"
	"errors"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// Report is what kube-proxy's metrics say of it (pkg/proxy/metrics/metrics.go): its
// syncs of every family and kind; the network programming latency, which it measures
// from the time that an EndpointSlice's annotation gives; its process; and, in the mode
// iptables, the rules of both tables.
func (b *Backend) Report(ctx context.Context) (backends.SelfReport, error) {
	if b.proxy == nil {
		return backends.SelfReport{}, errors.New("kube-proxy: none runs")
	}
	m, err := b.proxy.scrape(ctx)
	if err != nil {
		return backends.SelfReport{}, b.proxy.explain(err)
	}
	return reportOf(m), nil
}

func reportOf(m map[string]float64) backends.SelfReport {
	sum := func(name string) (total float64) {
		for key, value := range m {
			if metric, _, _ := strings.Cut(key, "{"); metric == name {
				total += value
			}
		}
		return total
	}
	return backends.SelfReport{
		Syncs:       int(sum("kubeproxy_sync_proxy_rules_duration_seconds_count")),
		Syncing:     sum("kubeproxy_sync_proxy_rules_duration_seconds_sum"),
		Changes:     int(sum("kubeproxy_network_programming_duration_seconds_count")),
		Programming: sum("kubeproxy_network_programming_duration_seconds_sum"),
		CPU:         sum("process_cpu_seconds_total"),
		Resident:    int64(sum("process_resident_memory_bytes")),
		Rules:       int(sum("kubeproxy_sync_proxy_rules_iptables_total")),
	}
}
