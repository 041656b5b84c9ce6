package scenarios

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

var known = Known{
	Backends:     []string{"direct", "iptables-legacy", "iptables-nft", "ipvs", "nftables"},
	Measurements: []string{"sync", "partialSync", "firstPacket", "roundTrip", "cpu", "memory", "objects"},
}

const head = "apiVersion: svcmark/v1\nkind: Scenario\nmetadata: {name: t}\n"

// valid is head with a body of which every case changes one line.
func valid(change ...string) string {
	lines := []string{
		"services: {count: [10, 100], endpoints: 3}",
		"backends: [direct, ipvs]",
		"measure: [sync]",
	}
	for _, c := range change {
		key, _, _ := strings.Cut(c, ":")
		replaced := false
		for i, l := range lines {
			if strings.HasPrefix(l, key+":") {
				lines[i], replaced = c, true
			}
		}
		if !replaced {
			lines = append(lines, c)
		}
	}
	return head + strings.Join(lines, "\n") + "\n"
}

func TestParse(t *testing.T) {
	got, err := Parse("t.yaml", []byte(`
apiVersion: svcmark/v1
kind: Scenario
metadata:
  name: everything     # but the defaults
  description: >-
    Every key,
    once.
seed: 18446744073709551615
services:
  count: [5, 300, 20]
  endpoints: [1, 10]
  mix: {ClusterIP: 100}
  protocols: {TCP: 100}
backends:
- ipvs
- direct
limits: {ipvs: {services: 200}, direct: {services: 1000}}
measure: [firstPacket, sync]
operations: 50
repeat: 6
network: {serviceCIDR: 172.20.0.0/16, clusterCIDR: 10.0.0.0/8}
`), known)
	if err != nil {
		t.Fatal(err)
	}
	want := &Scenario{
		Metadata: Metadata{"everything", "Every key, once."},
		Seed:     1<<64 - 1,
		Services: Services{
			Count:     []int{5, 300, 20},
			Endpoints: []int{1, 10},
			Mix:       Mix{ClusterIP: 100},
			Protocols: Protocols{TCP: 100},
			Policies:  Policies{AffinitySeconds: 10800},
		},
		Backends:   []string{"ipvs", "direct"},
		Limits:     []Limit{{"direct", 1000}, {"ipvs", 200}},
		Measure:    []string{"firstPacket", "sync"},
		Operations: 50,
		Traffic:    DefaultTraffic(),
		Churn:      DefaultChurn(),
		Repeat:     6,
		Node:       Node{Name: "node-0"},
		Network:    Network{ranges("172.20.0.0/16"), ranges("10.0.0.0/8")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseFillsInDefaults(t *testing.T) {
	got, err := Parse("t.yaml", []byte(valid("services: {count: 7, endpoints: 2}")), known)
	if err != nil {
		t.Fatal(err)
	}
	want := &Scenario{
		Metadata: Metadata{Name: "t"},
		Seed:     1,
		Services: Services{
			Count:     []int{7},
			Endpoints: []int{2},
			Mix:       Mix{ClusterIP: 100},
			Protocols: Protocols{TCP: 90, UDP: 10},
			Policies:  Policies{AffinitySeconds: 10800},
		},
		Node:       Node{Name: "node-0"},
		Backends:   []string{"direct", "ipvs"},
		Measure:    []string{"sync"},
		Operations: 200,
		Traffic:    DefaultTraffic(),
		Churn:      DefaultChurn(),
		Network:    Network{ranges("10.96.0.0/12"), ranges("10.128.0.0/9")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseWithoutRegistry(t *testing.T) {
	data := []byte(valid("backends: [kube-proxy@iptables, gone]", "measure: [lostOne]"))
	if _, err := Parse("t.yaml", data, Known{}); err != nil {
		t.Errorf("well-formed names: %v", err)
	}
	want := `t.yaml:5:12: backends: "-x; rm" is no name of a backend; want at most 63 of a-z, A-Z, 0-9, -, @ and .`
	if _, err := Parse("t.yaml", []byte(valid("backends: ['-x; rm']")), Known{}); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestParseMistakes(t *testing.T) {
	const keys = "apiVersion, kind, metadata, seed, services, backends, limits, measure, operations, traffic, churn, repeat"
	for _, c := range []struct{ name, data, want string }{
		// What is no scenario at all.
		{"empty", "", `1:1: is empty; a scenario starts with apiVersion: svcmark/v1`},
		{"comments", "# nothing\n", `1:1: is empty; a scenario starts with apiVersion: svcmark/v1`},
		{"null document", "---\n", `2:1: is empty; want a mapping with the keys ` + keys + `, network, node`},
		{"a number", "5", `1:1: is the number 5; want a mapping with the keys ` + keys + `, network, node`},
		{"a list", "- 5", `1:1: is a list; want a mapping with the keys ` + keys + `, network, node`},
		{"NUL", "a: 1\nb\x00: 2\n", `2:2: the byte 0x00 has no place in a text; a scenario is a YAML file in UTF-8`},
		{"control character", "a: \x1b[2J", `1:4: the byte 0x1b has no place in a text; a scenario is a YAML file in UTF-8`},
		{"invalid UTF-8", "é: \xff\n", `1:4: the byte 0xff has no place in a text; a scenario is a YAML file in UTF-8`},
		{"UTF-16", "\xff\xfea\x00", `1:1: the byte 0xff has no place in a text; a scenario is a YAML file in UTF-8`},
		{"too large", strings.Repeat("#", maxSize+1), ` is larger than 64 MiB; is that a scenario?`},
		{"second document", valid() + "---\na: 1\n", `7:1: a second document starts here; give each scenario a file of its own`},
		{"unclosed list", head + "backends: [direct\n", `5:1: is no valid YAML: did not find expected ',' or ']' while parsing a flow sequence`},
		{"tab", head + "services:\n\tcount: 1\n", `5:1: is no valid YAML: found character that cannot start any token while scanning for the next token`},
		{"too deep", strings.Repeat("[", 100), `1:17: is no valid YAML: exceeded max depth of 16 while increasing flow level`},
		{"unknown anchor", head + "seed: *x\n", `4:7: is no valid YAML: unknown anchor 'x' referenced`},

		// Keys.
		{"slip", valid("sede: 5"), `7:1: unknown key "sede"; did you mean "seed"?`},
		{"case", valid("Seed: 5"), `7:1: unknown key "Seed"; did you mean "seed"?`},
		{"a slip is not missing, too", valid("services: {count: 5, endpionts: 3}"), `4:22: services: unknown key "endpionts"; did you mean "endpoints"?`},
		{"unknown", valid("frobnicate: 5"), `7:1: unknown key "frobnicate"; want ` + keys + `, network or node`},
		{"merge", valid("<<: {seed: 5}"), `7:1: unknown key "<<"; want ` + keys + `, network or node`},
		{"nested", valid("network: {serviceCidr: 10.96.0.0/12}"), `7:11: network: unknown key "serviceCidr"; did you mean "serviceCIDR"?`},
		{"twice", valid("seed: 5") + "seed: 6\n", `8:1: seed: is given twice, first in line 7; keep one`},
		{"no text", valid("[seed]: 5"), `7:1: a key is a list; want text`},
		{"long", valid(strings.Repeat("x", 100) + ": 5"), `7:1: unknown key "` + strings.Repeat("x", 60) + `…"; want ` + keys + `, network or node`},
		{"missing", "apiVersion: svcmark/v1\nkind: Scenario\nmetadata: {}\n",
			`1:1: the key "services" is missing; write for example services: {count: [10, 100], endpoints: 3}` +
				"\n" + `1:1: the key "backends" is missing; write for example backends: [direct, iptables-legacy]` +
				"\n" + `1:1: the key "measure" is missing; write for example measure: [sync, firstPacket]` +
				"\n" + `3:11: metadata: the key "name" is missing; write for example name: my-scenario`},
		{"version", strings.Replace(valid(), "/v1", "/v2", 1), `1:13: apiVersion: is "svcmark/v2"; want svcmark/v1`},
		{"kind", strings.Replace(valid(), "Scenario", "Service", 1), `2:7: kind: is "Service"; want Scenario`},

		// Types.
		{"list for text", strings.Replace(valid(), "t}", "[t]}", 1), `3:18: metadata.name: is a list; want text`},
		{"number for text", strings.Replace(valid(), "t}", "5}", 1), `3:18: metadata.name: is the number 5; want text`},
		{"scalar for mapping", valid("services: 5"), `4:11: services: is the number 5; want a mapping with the keys count, endpoints, mix, protocols, policies, weights, list, times`},
		{"nothing", valid("services:"), `4:10: services: is empty; want a mapping with the keys count, endpoints, mix, protocols, policies, weights, list, times`},
		{"text for list", valid("backends: direct"), `5:11: backends: is the text "direct"; want a list of names`},
		{"text for number", valid("services: {count: many, endpoints: 3}"), `4:19: services.count: is the text "many"; want a number, or a list of numbers`},
		{"quoted number", valid("services: {count: '5', endpoints: 3}"), `4:19: services.count: is the text "5"; want a number, or a list of numbers`},
		{"bool for number", valid("operations: true"), `7:13: operations: is the truth value true; want a number`},
		{"distribution", valid("services: {count: 5, endpoints: {mean: 3}}"), `4:33: services.endpoints: is a mapping; want a number, or a list of numbers`},
		{"fraction", valid("services: {count: [10, 1.5], endpoints: 3}"), `4:24: services.count[1]: is "1.5", which is no plain decimal number; want a number`},
		{"exponent", valid("seed: 1e3"), `7:7: seed: is "1e3", which is no plain decimal number; want a whole number`},
		{"octal or not", valid("operations: 010"), `7:13: operations: is "010", which is no plain decimal number; want a number`},
		{"underscore", valid("operations: 1_000"), `7:13: operations: is "1_000", which is no plain decimal number; want a number`},
		{"alias", valid("services: {count: &c [5], endpoints: *c}"), `4:38: services.endpoints: is the alias *c; a scenario has no aliases, write the value out`},
		{"tag", valid("seed: !!int 5"), `7:7: seed: has the tag "!!int"; a scenario has no tags, write the plain value`},

		// Values.
		{"name", strings.Replace(valid(), "t}", "My_Test}", 1), `3:18: metadata.name: "My_Test" is no DNS label; want at most 63 of a-z, 0-9 and -, with no - at the ends`},
		{"description", strings.Replace(valid(), "t}", `t, description: "\e[2J"}`, 1), `3:34: metadata.description: holds the unprintable character U+001B; want plain text`},
		{"negative seed", valid("seed: -1"), `7:7: seed: is -1; want a whole number from 0 to 18446744073709551615`},
		{"seed of 65 bits", valid("seed: 18446744073709551616"), `7:7: seed: is 18446744073709551616; want a whole number from 0 to 18446744073709551615`},
		{"no count", valid("services: {count: [], endpoints: 3}"), `4:19: services.count: is empty; want at least one number`},
		{"negative count", valid("services: {count: [10, -5], endpoints: 3}"), `4:24: services.count[1]: is -5; want 1 to 1000000`},
		{"zero", valid("services: {count: 0, endpoints: 0}"), "4:19: services.count: is 0; want 1 to 1000000\nt.yaml:4:33: services.endpoints: is 0; want 1 or more"},
		{"10^9 Services", valid("services: {count: 1000000000, endpoints: 3}"), `4:19: services.count: is 1000000000; want 1 to 1000000`},
		{"10^30 Services", valid("services: {count: 1" + strings.Repeat("0", 30) + ", endpoints: 3}"), `4:19: services.count: 100000000000000000000… is far out of range`},
		{"endless count", valid("services: {count: [1" + strings.Repeat(", 1", 100) + "], endpoints: 3}"), `4:19: services.count: has 101 values; want at most 100`},
		{"same count", valid("services: {count: [10, 100, 10], endpoints: 3}"), `4:29: services.count[2]: 10 is given twice; keep one`},
		{"too many ClusterIPs", valid("network: {serviceCIDR: 10.96.0.0/26}"), `4:24: services.count[1]: 100 Services do not fit into serviceCIDR 10.96.0.0/26, which holds 61 ClusterIPs`},
		{"too many endpoints", valid("services: {count: [10, 60000], endpoints: [3, 100]}"), `4:47: services.endpoints[1]: 60000 Services x 100 endpoints do not fit into clusterCIDR 10.128.0.0/9, which holds 4194298 endpoints`},
		{"absurd endpoints", valid("services: {count: [10, 100], endpoints: 9223372036854775807}"), `4:41: services.endpoints: 100 Services x 9223372036854775807 endpoints do not fit into clusterCIDR 10.128.0.0/9, which holds 4194298 endpoints`},
		{"node ports", valid("services: {count: 5000, endpoints: 3, mix: {NodePort: 100}}"), `4:19: services.count: 5000 Services take 5000 node ports; there are 2768, 30000 to 32767`},
		{"policy", valid("services: {count: 5, endpoints: 3, policies: {notReady: 60, terminating: 50}}"), `4:74: services.policies.terminating: notReady and terminating add up to 110; want at most 100 percent`},
		{"share of a policy", valid("services: {count: 5, endpoints: 3, policies: {sessionAffinity: 101}}"), `4:64: services.policies.sessionAffinity: is 101; want a share from 0 to 100 percent`},
		{"hints for nobody", valid("services: {count: 5, endpoints: 3, policies: {zoneHints: 5}}"), `4:58: services.policies.zoneHints: nobody would heed the hints: a node without a zone does not; give node: {zone: zone-0}`},
		{"local endpoints", valid("services: {count: 5, endpoints: 500, policies: {localEndpoints: 60}}"), `4:33: services.endpoints: up to 301 of a Service's 500 endpoints would be on the node; it has 250 pods`},
		{"second range", valid("network: {serviceCIDR: [10.96.0.0/12, 10.0.0.0/16]}"), `7:39: network.serviceCIDR[1]: 10.0.0.0/16 is a second range of a family; want at most one of each`},
		{"range of the generator", valid("services: {count: 5, endpoints: 3, mix: {LoadBalancer: 100}}", "network: {clusterCIDR: 198.18.0.0/16}"), `7:24: network.clusterCIDR: 198.18.0.0/16 overlaps 198.18.0.0/16, from which those of the load balancers come`},
		{"node", valid("node: {name: Node_1, zone: '-', addresses: [10.96.0.1, 127.0.0.1]}"), "7:14: node.name: \"Node_1\" is no DNS subdomain; want at most 253 of a-z, 0-9, - and .\nt.yaml:7:28: node.zone: \"-\" is no label's value; want at most 63 letters, digits, -, _ and .\nt.yaml:7:45: node.addresses[0]: 10.96.0.1 is in the range 10.96.0.0/12 of Services or pods\nt.yaml:7:56: node.addresses[1]: 127.0.0.1 is a loopback address"},
		{"weight 0", valid("services: {count: 5, endpoints: 3, weights: [1, 0]}"), `4:49: services.weights[1]: is 0, with which an endpoint gets nothing; want 1 to 65535, and policies: {notReady: …} for endpoints that get nothing`},
		{"weights", valid("services: {count: 5, endpoints: 3, weights: [65536, -1]}"), "4:46: services.weights[0]: is 65536; want 1 to 65535\nt.yaml:4:53: services.weights[1]: is -1; want 1 to 65535"},
		{"no weight", valid("services: {count: 5, endpoints: 3, weights: []}"), `4:45: services.weights: is empty; want a weight or more, or leave the key out`},
		{"text for a weight", valid("services: {count: 5, endpoints: 3, weights: [1, two]}"), `4:49: services.weights[1]: is the text "two"; want a number`},
		{"mapping for weights", valid("services: {count: 5, endpoints: 3, weights: {a: 1}}"), `4:45: services.weights: is a mapping; want a number, or a list of numbers`},
		{"mix", valid("services: {count: 5, endpoints: 3, mix: {ClusterIP: 80}}"), `4:41: services.mix: the shares add up to 80; want 100 percent`},
		{"sum with SCTP", valid("services: {count: 5, endpoints: 3, protocols: {TCP: 90, SCTP: 11}}"), `4:47: services.protocols: the shares add up to 101; want 100 percent`},
		{"protocols", valid("services: {count: 5, endpoints: 3, protocols: {TCP: 90, UDP: 20}}"), `4:47: services.protocols: the shares add up to 110; want 100 percent`},
		{"negative share", valid("services: {count: 5, endpoints: 3, protocols: {TCP: 110, UDP: -10}}"), `4:53: services.protocols.TCP: is 110; want a share from 0 to 100 percent`},
		{"no backend", valid("backends: []"), `5:11: backends: is empty; want at least one backend`},
		{"unknown backend", valid("backends: [direct, ebpf]"), `5:20: backends[1]: unknown backend "ebpf"; want direct, iptables-legacy, iptables-nft, ipvs or nftables`},
		{"misspelt backend", valid("backends: [direct, iptables-legcay]"), `5:20: backends[1]: unknown backend "iptables-legcay"; did you mean "iptables-legacy"?`},
		{"same backend", valid("backends: [ipvs, direct, ipvs]"), `5:26: backends[2]: ipvs is given twice; keep one`},
		{"unknown measurement", valid("measure: [sync, firstpacket]"), `6:17: measure[1]: unknown measurement "firstpacket"; did you mean "firstPacket"?`},
		{"unknown backend's limit", valid("limits: {ipsv: {services: 5}}"), `7:10: limits.ipsv: unknown backend "ipsv"; did you mean "ipvs"?`},
		{"limit", valid("limits: {ipvs: {services: 0}}"), `7:27: limits.ipvs.services: is 0; want 1 to 1000000`},
		{"bare limit", valid("limits: {ipvs: 1000}"), `7:16: limits.ipvs: is the number 1000; want a mapping with the keys services`},
		{"nothing to run", valid("limits: {ipvs: {services: 5}, direct: {services: 9}}"), `7:9: limits: no point is left to run: every backend's limit is below every number of Services; raise a limit, or take fewer Services or another backend`},
		{"repeat 0", valid("repeat: 0"), `7:9: repeat: is 0; want 1 or more, or leave the key out to let the clock decide`},
		{"repeat -1", valid("repeat: -1"), `7:9: repeat: is -1; want 1 to 1000`},
		{"operations", valid("operations: 0"), `7:13: operations: is 0; want 1 to 1000000`},
		{"traffic's rate", valid("traffic: {rate: 0}"), `7:17: traffic.rate: is 0; want 1 to 1000000`},
		{"traffic's clients", valid("traffic: {clients: 1001}"), `7:20: traffic.clients: is 1001; want 1 to 1000`},
		{"traffic's duration", valid("traffic: {duration: 1ms}"), `7:21: traffic.duration: is 1ms; want 10ms to 1h0m0s`},
		{"a number for a duration", valid("traffic: {duration: 5}"), `7:21: traffic.duration: is the number 5; want text`},
		{"churn's rate", valid("churn: {rate: 0}"), `7:15: churn.rate: is 0; want 1 to 10000`},
		{"churn's duration", valid("churn: {duration: 1ms}"), `7:19: churn.duration: is 1ms; want 100ms to 10m0s`},
		{"churn's kind", valid("churn: {kind: roling}"), `7:15: churn.kind: is "roling"; did you mean "rolling"?`},
		{"churn's keys", valid("churn: {rates: 5}"), `7:9: churn: unknown key "rates"; did you mean "rate"?`},
		{"traffic's keys", valid("traffic: {rates: 5}"), `7:11: traffic: unknown key "rates"; did you mean "rate"?`},
		{"no range", valid("network: {serviceCIDR: 10.96.0.0}"), `7:24: network.serviceCIDR: "10.96.0.0" is no address range; want one such as 10.96.0.0/12`},
		{"host bits", valid("network: {serviceCIDR: 10.96.0.9/12}"), `7:24: network.serviceCIDR: 10.96.0.9/12 starts inside its range; want 10.96.0.0/12`},
		{"another family", valid("network: {serviceCIDR: 'fd00::/108'}"), `7:24: network.serviceCIDR: clusterCIDR 10.128.0.0/9 and serviceCIDR fd00::/108 are not of the same families`},
		{"small range", valid("network: {clusterCIDR: 10.128.0.0/24}"), `7:24: network.clusterCIDR: 10.128.0.0/24 has the length /24; want /8 to /22`},
		{"loopback", valid("network: {clusterCIDR: 127.0.0.0/8}"), `7:24: network.clusterCIDR: 127.0.0.0/8 overlaps 127.0.0.0/8, which are loopback addresses`},
		{"overlap", valid("network: {serviceCIDR: 10.0.0.0/8}"), `7:24: network.serviceCIDR: clusterCIDR 10.128.0.0/9 overlaps serviceCIDR 10.0.0.0/8; want two separate ranges`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("t.yaml", []byte(c.data), known)
			want := strings.ReplaceAll("t.yaml:"+c.want, "\n1:", "\nt.yaml:1:")
			want = strings.ReplaceAll(want, "\n3:", "\nt.yaml:3:")
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if !errors.As(err, new(Mistakes)) {
				t.Errorf("the error is a %T", err)
			}
		})
	}
}

// A file full of mistakes names them all, in its own order, and none that only
// follows from another.
func TestParseReportsEverythingAtOnce(t *testing.T) {
	_, err := Parse("t.yaml", []byte(`apiVersion: v1
kind: Scenario
metadata: {name: T}
seed: x
services:
  count: [10, ten, 10, 2000000]
  endpoints: [3, -1]
  mixx: {ClusterIP: 100}
backends: [ipvs, foo, ipvs]
limits: {bar: 5}
measure: sync
repeat: 5
repeat: -5
`), known)
	want := strings.TrimSpace(`
t.yaml:1:13: apiVersion: is "v1"; want svcmark/v1
t.yaml:3:18: metadata.name: "T" is no DNS label; want at most 63 of a-z, 0-9 and -, with no - at the ends
t.yaml:4:7: seed: is the text "x"; want a whole number
t.yaml:6:15: services.count[1]: is the text "ten"; want a number
t.yaml:6:20: services.count[2]: 10 is given twice; keep one
t.yaml:6:24: services.count[3]: is 2000000; want 1 to 1000000
t.yaml:7:18: services.endpoints[1]: is -1; want 1 or more
t.yaml:8:3: services: unknown key "mixx"; did you mean "mix"?
t.yaml:9:18: backends[1]: unknown backend "foo"; want direct, iptables-legacy, iptables-nft, ipvs or nftables
t.yaml:9:23: backends[2]: ipvs is given twice; keep one
t.yaml:10:15: limits.bar: is the number 5; want a mapping with the keys services
t.yaml:11:10: measure: is the text "sync"; want a list of names
t.yaml:13:1: repeat: is given twice, first in line 12; keep one`)
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestParseBoundsItsMessage(t *testing.T) {
	var b strings.Builder
	b.WriteString(valid())
	for i := range 1000 {
		fmt.Fprintf(&b, "key%04d: 1\n", i)
	}
	_, err := Parse("t.yaml", []byte(b.String()), known)
	var mistakes Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) != 1000 {
		t.Fatalf("%d mistakes in %v", len(mistakes), err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 101 || lines[100] != "and 900 more mistakes" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

// An alias bomb costs nothing, because no alias is ever followed.
func TestParseAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString(head + "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 50 {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 10))
	}
	b.WriteString("services: *a50\n")
	_, err := Parse("t.yaml", []byte(b.String()), known)
	if err == nil || !strings.Contains(err.Error(), "t.yaml:55:11: services: is the alias *a50; a scenario has no aliases") {
		t.Errorf("got %v", err)
	}
}
