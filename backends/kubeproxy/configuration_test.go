package kubeproxy

import (
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"
)

// configured is a configuration as kube-proxy reads it.
func configured(t *testing.T, c Config) map[string]any {
	t.Helper()
	text, err := c.configuration("10.0.0.0/8", "127.0.0.1:1", "127.0.0.1:2")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return all
}

// at is a value, by its keys with dots between.
func at(all map[string]any, keys string) any {
	first, rest, more := strings.Cut(keys, ".")
	if !more {
		return all[first]
	}
	in, _ := all[first].(map[string]any)
	return at(in, rest)
}

func TestConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		want   map[string]any
	}{
		"by default": {Config{Mode: IPVS}, map[string]any{
			"mode": "ipvs", "clusterCIDR": "10.0.0.0/8", "ipvs.minSyncPeriod": nil, "ipvs.syncPeriod": "1h0m0s",
			"metricsBindAddress": "127.0.0.1:1", "healthzBindAddress": "127.0.0.1:2", "logging.verbosity": verbose, "oomScoreAdj": 0,
		}},
		"with a minSyncPeriod": {Config{Mode: IPVS, MinSyncPeriod: rest}, map[string]any{"ipvs.minSyncPeriod": "1.1s", "ipvs.syncPeriod": "1h0m0s"}},
		"the user's": {
			Config{Mode: NFTables, Configuration: "nftables: {minSyncPeriod: 10s, masqueradeAll: true}\noomScoreAdj: 5\nfeatureGates: {X: true}\nlogging: {format: json}\nipvs:\n"},
			map[string]any{
				"nftables.minSyncPeriod": "10s", "nftables.masqueradeAll": true, "nftables.syncPeriod": "1h0m0s", "iptables.syncPeriod": "1h0m0s",
				"oomScoreAdj": 5, "featureGates.X": true, "logging.format": "json", "logging.verbosity": verbose,
				"ipvs.syncPeriod": "1h0m0s", "conntrack.maxPerCore": 0,
			},
		},
	} {
		all := configured(t, c.config)
		for keys, want := range c.want {
			if got := at(all, keys); got != want {
				t.Errorf("%s: %s is %v (%T), want %v", name, keys, got, got, want)
			}
		}
	}
}

func TestCheckConfigurationRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"a: [":                            "no valid YAML",
		"- a":                             "no mapping",
		"oomScoreAdj: 1\nmode: ipvs":      "line 2: the key mode is svcmark's",
		"clusterCIDR: 10.0.0.0/8":         "the scenario's network",
		"clientConnection: {qps: 1}":      "the API server that svcmark runs",
		"kind: KubeletConfiguration":      "want KubeProxyConfiguration",
		"apiVersion: v2":                  "want kubeproxy.config.k8s.io/v1alpha1",
		"logging: {verbosity: 9}":         "logging.verbosity is svcmark's",
		"oomScoreAdj: 1\n---\na: 1":       "a second document",
		"a: &x {b: 1}\nc: *x":             "line 2: the alias *x",
		"a: 1\na: 2":                      "a",
		"metricsBindAddress: 0.0.0.0:1":   "metricsBindAddress is svcmark's",
		"enableProfiling: false\nb: &x 1": "enableProfiling is svcmark's",
	} {
		if err := CheckConfiguration(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"", "  \n", "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nnftables: {masqueradeAll: true}\n"} {
		if err := CheckConfiguration(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzCheckConfiguration(f *testing.F) {
	for _, text := range []string{"", "a: 1", "mode: ipvs", "nftables: {minSyncPeriod: 1s}\nlogging:", "? {a: b}\n: c", "a: &a [*a]", "1: 2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if CheckConfiguration(text) != nil {
			return
		}
		c := Config{Mode: IPTables, Configuration: text}
		out, err := c.configuration("10.0.0.0/8", "127.0.0.1:1", "127.0.0.1:2")
		if err != nil {
			t.Fatalf("accepted, and then %v", err)
		}
		var all map[string]any
		if err := yaml.Unmarshal(out, &all); err != nil || all["mode"] != "iptables" || all["metricsBindAddress"] != "127.0.0.1:1" {
			t.Fatalf("%v: %s", err, out)
		}
	})
}

func TestCheckFlags(t *testing.T) {
	for flag, want := range map[string]string{
		"nftables":              "no flag",
		"-":                     "no flag",
		"--config=x":            "--config is svcmark's",
		"-v=9":                  "--v is svcmark's",
		"--cleanup":             "--cleanup is svcmark's",
		"--masquerade-all=true": "in a KubeProxyConfiguration",
		"--x=a\nb":              "control character",
	} {
		if err := CheckFlags([]string{"--vmodule=proxier=5", flag}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", flag, err, want)
		}
	}
	if err := CheckFlags([]string{"--vmodule=proxier=5", "--logging-format=text", "--my-own"}); err != nil {
		t.Error(err)
	}
}
