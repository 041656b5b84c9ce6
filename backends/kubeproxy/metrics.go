package kubeproxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// syncPatience is how long a sync may take, in the clock of the lab.
const syncPatience = 15 * time.Minute

// sync makes a change and waits until kube-proxy has taken it in and has synced after
// it. Its metrics are read when it says that a sync is complete and else once a
// second: to read them costs the node as much as a small sync.
func (p *Proxy) sync(ctx context.Context, change func() error) error {
	seen := p.said.count(saidComplete)
	if err := change(); err != nil {
		return err
	}
	return p.until(ctx, syncPatience, func(late bool) (bool, error) {
		said := p.said.count(saidComplete)
		if said == seen && !late {
			return false, nil
		}
		seen = said
		if done, err := p.synced(ctx); !done || err != nil {
			return false, err
		}
		// Between an event's being counted and its asking for a sync the metrics say
		// that there is nothing to do: so they must say it twice.
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-time.After(quiet):
		}
		return p.synced(ctx)
	})
}

// quiet is how long kube-proxy must have been done. What it does then takes
// microseconds.
const quiet = 250 * time.Millisecond

// synced says by kube-proxy's own metrics whether it has been told everything
// and has synced it: its trackers have counted all changes, none is pending, and
// each family's last successful sync is later than the last request for one. While
// a sync is at work on the last change all of that is true already, since the one
// before it ended after the request: so none may be at work.
func (p *Proxy) synced(ctx context.Context) (bool, error) {
	m, err := p.scrape(ctx)
	if err != nil {
		return false, nil // it does not listen yet
	}
	if p.said.count(saidSyncing) != p.said.count(saidComplete) {
		return false, nil // and its end will be said
	}
	done := m["kubeproxy_sync_proxy_rules_service_changes_total"] == float64(p.serviceEvents) &&
		m["kubeproxy_sync_proxy_rules_endpoint_changes_total"] == float64(p.sliceEvents) &&
		m["kubeproxy_sync_proxy_rules_service_changes_pending"] == 0 && m["kubeproxy_sync_proxy_rules_endpoint_changes_pending"] == 0
	for _, f := range p.families {
		last := m[`kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="`+string(f)+`"}`]
		queued := m[`kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family="`+string(f)+`"}`]
		done = done && last > 0 && last >= queued
	}
	return done, nil
}

// scrape reads the metrics by name and labels.
func (p *Proxy) scrape(ctx context.Context) (map[string]float64, error) {
	body, err := p.ask(ctx, http.MethodGet, "/metrics", "")
	if err != nil {
		return nil, err
	}
	return parseMetrics(body)
}

// parseMetrics reads those of kube-proxy and of its process in the Prometheus text
// format: by name, and where they have labels by name and labels as they are written.
func parseMetrics(text string) (map[string]float64, error) {
	m := map[string]float64{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "kubeproxy_") && !strings.HasPrefix(line, "process_") {
			continue
		}
		at := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if at < 0 {
			return nil, fmt.Errorf("the metric %q has no value", line)
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err != nil {
			return nil, fmt.Errorf("the metric %s: %w", line[:at], err)
		}
		m[line[:at]] = value
	}
	return m, nil
}

// setVerbosity changes how much kube-proxy logs from now on.
func (p *Proxy) setVerbosity(ctx context.Context, level int) error {
	if _, err := p.ask(ctx, http.MethodPut, "/debug/flags/v", strconv.Itoa(level)); err != nil {
		return fmt.Errorf("setting kube-proxy's verbosity: %w", err)
	}
	return nil
}

// ask asks kube-proxy where it serves its metrics.
func (p *Proxy) ask(ctx context.Context, method, path, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+p.metrics+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s is answered with %s", path, resp.Status)
	}
	return string(answer), nil
}
