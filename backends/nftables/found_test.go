package nftables

import (
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// listing is what nft 1.0.6 prints of a part of a table.
const listing = `{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
{"table": {"family": "ip", "name": "kube-proxy", "handle": 1}},
{"set": {"family": "ip", "name": "cluster-ips", "table": "kube-proxy", "type": "ipv4_addr", "handle": 4, "comment": "Active ClusterIPs"}},
{"set": {"family": "ip", "name": "affinity-A-a/b/tcp/__10.0.0.1/80", "table": "kube-proxy", "type": "ipv4_addr", "handle": 5, "flags": ["timeout"], "timeout": 10800}},
{"map": {"family": "ip", "name": "service-ips", "table": "kube-proxy", "type": ["ipv4_addr", "inet_proto", "inet_service"], "handle": 6, "map": "verdict"}},
{"chain": {"family": "ip", "table": "kube-proxy", "name": "nat-prerouting", "handle": 1, "type": "nat", "hook": "prerouting", "prio": -100, "policy": "accept"}},
{"chain": {"family": "ip", "table": "kube-proxy", "name": "services", "handle": 2}},
{"chain": {"family": "ip", "table": "kube-proxy", "name": "service-A/b", "handle": 7}},
{"rule": {"family": "ip", "table": "kube-proxy", "chain": "services", "handle": 10, "comment": "Drop", "expr": [{"drop": null}]}},
{"rule": {"family": "ip", "table": "kube-proxy", "chain": "services", "handle": 12, "expr": [{"drop": null}]}}EXTRA]}`

func TestParseList(t *testing.T) {
	for extra, foreign := range map[string]string{
		"":                             "",
		`,{"chain": {"name": "mine"}}`: "chain mine",
		`,{"chain": {"name": "mark-for-masquerade"}}`:                                                            "chain mark-for-masquerade",
		`,{"chain": {"name": "services", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}`:     "chain services",
		`,{"chain": {"name": "filter-input", "type": "filter", "hook": "input", "prio": 1, "policy": "accept"}}`: "chain filter-input",
		`,{"chain": {"name": "filter-input", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}`:   "chain filter-input",
		`,{"chain": {"name": "filter-input", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}`: "",
		`,{"set": {"name": "mine", "type": "ipv4_addr"}}`:                                                        "set mine",
		`,{"set": {"name": "cluster-ips", "type": "ipv6_addr"}}`:                                                 "set cluster-ips",
		`,{"set": {"name": "cluster-ips", "type": "ipv4_addr", "flags": ["interval"]}}`:                          "set cluster-ips",
		`,{"set": {"name": "affinity-x", "type": "ipv4_addr"}}`:                                                  "set affinity-x",
		`,{"set": {"name": "service-ips", "type": ["ipv4_addr", "inet_proto", "inet_service"]}}`:                 "set service-ips",
		`,{"map": {"name": "service-ips", "type": ["ipv4_addr", "inet_proto", "inet_service"], "map": "mark"}}`:  "map service-ips",
		`,{"map": {"name": "service-nodeports", "type": ["inet_proto", "inet_service"], "map": "verdict"}}`:      "",
		`,{"set": {"name": "nodeport-ips", "type": "ipv4_addr"}}`:                                                "",
		`,{"map": {"name": "nodeport-ips", "type": "ipv4_addr", "map": "verdict"}}`:                              "map nodeport-ips",
		`,{"counter": {"name": "mine", "packets": 0}}`:                                                           "object of another kind",
	} {
		is := parse(t, extra)
		if is.foreign != foreign {
			t.Errorf("with %s: found foreign %q, want %q", extra, is.foreign, foreign)
		}
	}
	is := parse(t, "")
	if n, ok := is.chains["service-A/b"]; !ok || n != 0 || is.chains["services"] != 2 || len(is.chains) != 3 {
		t.Errorf("chains and their rules: %v", is.chains)
	}
	if is.affinity["affinity-A-a/b/tcp/__10.0.0.1/80"] != 10800 || len(is.affinity) != 1 {
		t.Errorf("affinity sets %v", is.affinity)
	}
	if !is.sets["cluster-ips"] || !is.sets["service-ips"] || len(is.sets) != 2 {
		t.Errorf("sets and maps %v", is.sets)
	}
}

func withExtra(extra string) string { return strings.Replace(listing, "EXTRA", extra, 1) }

func ipv4(l Layout) *family { return newFamily(backends.IPv4, nil, l) }

func parse(t *testing.T, extra string) *found {
	t.Helper()
	is, err := ipv4(Layout136).parseList([]byte(withExtra(extra)))
	if err != nil {
		t.Fatal(err)
	}
	return is
}

func FuzzParseList(f *testing.F) {
	f.Add([]byte(withExtra("")))
	f.Add([]byte(`{"nftables": [{"set": {"type": {"typeof": 1}}}, {"rule": {"chain": ""}}, {}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		is, err := ipv4(Layout136).parseList(b)
		if err != nil {
			return
		}
		for name, n := range is.chains {
			if n < 0 || name != "" && n == 0 && !is.hasChain(name) {
				t.Errorf("chain %q has %d rules", name, n)
			}
		}
	})
}
