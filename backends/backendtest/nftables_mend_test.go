package backendtest_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/nftables"
)

// sticky is a state with an affinity set and elements of both kinds.
func sticky(seconds uint32) *backends.State {
	s := newNftablesWorld(0).node
	p := backends.ServicePort{
		Namespace: "ns1", Name: "sticky", Protocol: backends.TCP, Port: 80, NodePort: 30080,
		ClusterIP: s.ServiceCIDRs[0].Addr().Next(), AffinitySeconds: seconds,
		Endpoints: []backends.Endpoint{{Addr: netip.MustParseAddrPort("10.160.0.1:8080"), Local: true}},
	}
	none := backends.ServicePort{
		Namespace: "ns1", Name: "none", Protocol: backends.TCP, Port: 81,
		ClusterIP: p.ClusterIP,
	}
	return &backends.State{Node: s, Services: []backends.ServicePort{none, p}}
}

// TestNftablesMends spoils a synced table in every way that Sync must mend, the
// same Backend's in one layout and a fresh one's in the other.
func TestNftablesMends(t *testing.T) {
	for name, commands := range map[string]string{
		"nothing":             "",
		"no table":            "delete table ip kube-proxy",
		"nothing at all":      "flush ruleset",
		"no rules":            "flush table ip kube-proxy",
		"a rule more":         "add rule ip kube-proxy services drop",
		"a chain more":        "add chain ip kube-proxy mine",
		"a Service's chain":   "add chain ip kube-proxy service-AAAAAAAA-a/b/tcp/; add rule ip kube-proxy service-AAAAAAAA-a/b/tcp/ drop",
		"a set more":          "add set ip kube-proxy mine { type ipv4_addr ; }",
		"an affinity set":     "add set ip kube-proxy affinity-mine { type ipv4_addr ; flags dynamic,timeout ; timeout 1s ; }",
		"a counter":           "add counter ip kube-proxy mine",
		"an element more":     "add element ip kube-proxy service-ips { 10.96.0.9 . tcp . 80 : drop }",
		"an element less":     "delete element ip kube-proxy cluster-ips { 10.96.0.1 }",
		"another verdict":     "delete element ip kube-proxy service-ips { 10.96.0.1 . tcp . 80 }; add element ip kube-proxy service-ips { 10.96.0.1 . tcp . 80 : drop }",
		"another comment":     `delete element ip kube-proxy no-endpoint-services { 10.96.0.1 . tcp . 81 }; add element ip kube-proxy no-endpoint-services { 10.96.0.1 . tcp . 81 comment "x" : goto reject-chain }`,
		"another node's":      "add element ip kube-proxy nodeport-ips { 192.168.0.2 }",
		"another priority":    "delete chain ip kube-proxy filter-input; add chain ip kube-proxy filter-input { type filter hook input priority 5 ; }",
		"another policy":      "add chain ip kube-proxy filter-input { policy drop ; }",
		"a table of its name": "delete table ip kube-proxy; add table ip kube-proxy; add map ip kube-proxy cluster-ips { type ipv4_addr : verdict ; }",
	} {
		t.Run(name, func(t *testing.T) {
			for layout, fresh := range map[nftables.Layout]bool{nftables.Layout136: false, nftables.Layout131: true} {
				b := cleanNftables(t, layout)
				must(t, b.Sync(t.Context(), sticky(60)))
				if _, err := run(t.Context(), strings.ReplaceAll(commands, "; ", "\n")+"\n", "nft", "-f", "-"); err != nil {
					t.Fatal(err)
				}
				if fresh {
					b = nftables.New(layout)
				}
				must(t, b.Sync(t.Context(), sticky(60)))
				settle(t, b)
				same(t, layout, sticky(60), true)
			}
		})
	}
}

// TestNftablesTakesOver leads one kernel through states that differ in
// more than Services.
func TestNftablesTakesOver(t *testing.T) {
	dual, v4, v6, bare := sticky(60), sticky(60), sticky(60), sticky(60)
	v4.Node.Addrs = dual.Node.Addrs[:1]
	v6.Node.Addrs = dual.Node.Addrs[1:]
	bare.Node.ClusterCIDRs, bare.Node.ServiceCIDRs = nil, nil
	b := cleanNftables(t, nftables.Layout136)
	for i, s := range []*backends.State{dual, v4, v6, bare, sticky(61), sticky(0), sticky(60), dual} {
		must(t, b.Sync(t.Context(), s))
		settle(t, b)
		same(t, nftables.Layout136, s, true)
		if i%2 == 1 { // another one with another layout comes between
			must(t, nftables.New(nftables.Layout131).Sync(t.Context(), s))
			same(t, nftables.Layout131, s, true)
		}
	}
}

// A Sync and an Apply that leave a ServicePort's affinity as it is leave its
// clients where they are.
func TestNftablesKeepsClients(t *testing.T) {
	for _, layout := range layouts() {
		b := cleanNftables(t, layout)
		from, to := sticky(3600), sticky(3600)
		to.Services[1].NodePort++
		must(t, b.Sync(t.Context(), from))
		set := affinitySet(t)
		if _, err := run(t.Context(), "", "nft", "add", "element", "ip", "kube-proxy", set, "{ 10.160.0.99 }"); err != nil {
			t.Fatal(err)
		}
		kept := func(after string) {
			t.Helper()
			text, err := run(t.Context(), "", "nft", "list", "set", "ip", "kube-proxy", set)
			must(t, err)
			if !strings.Contains(text, "10.160.0.99") {
				t.Errorf("layout %s: %s forgot a client:\n%s", layout, after, text)
			}
		}
		must(t, b.Apply(t.Context(), backends.Diff(from, to)))
		kept("Apply")
		must(t, b.Sync(t.Context(), to))
		kept("Sync")
		must(t, nftables.New(layout).Sync(t.Context(), from))
		kept("a fresh Backend's Sync")
	}
}

func affinitySet(t *testing.T) string {
	t.Helper()
	text, err := run(context.WithoutCancel(t.Context()), "", "nft", "-t", "list", "table", "ip", "kube-proxy")
	must(t, err)
	_, after, found := strings.Cut(text, "set affinity-")
	if !found {
		t.Fatalf("there is no affinity set:\n%s", text)
	}
	name, _, _ := strings.Cut(after, " ")
	return "affinity-" + name
}

// TestNftablesObjects counts by another way than the Backend does.
func TestNftablesObjects(t *testing.T) {
	w := newNftablesWorld(3)
	for _, layout := range layouts() {
		b := cleanNftables(t, layout)
		from := w.state(12)
		must(t, b.Sync(t.Context(), from))
		must(t, b.Apply(t.Context(), backends.Diff(from, w.change(from, 12)))) // leaves chains that wait
		n, err := b.Objects(t.Context())
		must(t, err)
		dump, err := nftablesDump(t.Context())
		must(t, err)
		dump = ours(dump)
		for unit, want := range map[string]int{
			"rules": strings.Count(dump, "\nrule "), "chains": strings.Count(dump, "\nchain "),
			"map-elements": elements(t, "map"), "set-elements": elements(t, "set"),
		} {
			if n[unit] != want || want == 0 {
				t.Errorf("layout %s: %d %s, nft lists %d", layout, n[unit], unit, want)
			}
		}
	}
}

// elements counts those of all maps or sets but for affinity sets.
func elements(t *testing.T, kind string) int {
	t.Helper()
	text, err := run(t.Context(), "", "nft", "-j", "list", "ruleset")
	must(t, err)
	var list struct {
		Objects []map[string]struct {
			Name string `json:"name"`
			Elem []any  `json:"elem"`
		} `json:"nftables"`
	}
	must(t, json.Unmarshal([]byte(text), &list))
	n := 0
	for _, o := range list.Objects {
		if set, ok := o[kind]; ok && !strings.HasPrefix(set.Name, "affinity-") {
			n += len(set.Elem)
		}
	}
	return n
}
