package scenarios

import (
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// everything has no field that is zero or a default, so that a field forgotten
// by YAML or by Parse is noticed.
func everything() *Scenario {
	return &Scenario{
		Metadata: Metadata{"123", "Ünlaut: \"quoted\",\nnext line \U0001F600 # no comment"},
		Seed:     42,
		Services: Services{
			Count: []int{10, 5}, Endpoints: []int{2, 1},
			Mix: Mix{40, 30, 15, 10, 5}, Protocols: Protocols{60, 30, 10},
			Policies: Policies{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
			Weights:  []int{3, 65535, 3},
		},
		Backends: []string{"null", "kube-proxy@ipvs", "true", "no"},
		Programs: []Program{
			{Name: "true", Exec: &Exec{
				Command: []string{"./a b", "--x=${KUBECONFIG}", "\"'\\"}, Env: []Variable{{"A", ""}, {"yes", "1: {2}"}},
				Ready: Ready{90 * time.Second, 1500 * time.Microsecond},
			}},
			{Name: "no", KubeProxy: &KubeProxy{"v1.36", "iptables-nft", []string{"--a=b"}, "a: 1\n# \u00e9 \"\\\n\tb"}},
		},
		Limits:     []Limit{{"no", 5}, {"null", 7}},
		Measure:    []string{"on", "firstPacket"},
		Operations: 3,
		Traffic:    Traffic{Rate: 7, Duration: 1500 * time.Millisecond, Clients: 2},
		Churn:      Churn{Rate: 3, Duration: 1500 * time.Millisecond, Kind: Flapping},
		Repeat:     9,
		Network:    Network{ranges("10.0.0.0/16", "fd00:60::/108"), ranges("10.16.0.0/12", "fd00:80::/48")},
		Node:       Node{"node.1", "zone_1", []netip.Addr{netip.MustParseAddr("10.32.0.1"), netip.MustParseAddr("fd00::1")}},
	}
}

func TestYAMLRoundTrip(t *testing.T) {
	s := everything()
	var zero func(path string, v reflect.Value)
	zero = func(path string, v reflect.Value) {
		if v.IsZero() && path != "Scenario.Services.List" && path != "Scenario.Services.Times" { // which go with none of the rest
			t.Errorf("the test leaves %s zero", path)
		}
		if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[netip.Prefix]() {
			for f, field := range v.Fields() {
				zero(path+"."+f.Name, field)
			}
		}
	}
	zero("Scenario", reflect.ValueOf(*s))

	got, err := Parse("canonical.yaml", s.YAML(), Known{})
	if err != nil {
		t.Fatalf("%v\n%s", err, s.YAML())
	}
	if !reflect.DeepEqual(got, s) {
		t.Errorf("got  %+v\nwant %+v", got, s)
	}
}

func TestYAMLIsCanonical(t *testing.T) {
	a, err := Parse("a", []byte(valid("limits: {ipvs: {services: 50}, direct: {services: 100}}", "services: {count: [10], endpoints: 3}")), known)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse("b", []byte(`# The same, said otherwise.
kind: "Scenario"
apiVersion: svcmark/v1
operations: 200
measure:
- sync
network: {serviceCIDR: 10.96.0.0/12}
limits: {direct: {services: 100}, ipvs: {services: 50}}
backends: ['direct', ipvs]
services:
  endpoints: [3]
  protocols: {UDP: 10, TCP: 90}
  count: 10
metadata: {name: t}
seed: 1
`), known)
	if err != nil {
		t.Fatal(err)
	}
	const want = `apiVersion: svcmark/v1
kind: Scenario
metadata:
  name: t
seed: 1
services:
  count: 10
  endpoints: 3
  mix: {ClusterIP: 100}
  protocols: {TCP: 90, UDP: 10}
backends: [direct, ipvs]
limits:
  direct: {services: 100}
  ipvs: {services: 50}
measure: [sync]
operations: 200
network:
  serviceCIDR: 10.96.0.0/12
  clusterCIDR: 10.128.0.0/9
`
	if string(a.YAML()) != want || string(b.YAML()) != want {
		t.Errorf("got\n%s\nand\n%s\nwant\n%s", a.YAML(), b.YAML(), want)
	}
	// Pinned, because runs keep it: a change makes every old run another experiment.
	const hash = "a8c6f1cbd4b4f16bc0385853accc28d3fcbacaad8473a3face3c463a28161bd3"
	if a.Hash() != hash || b.Hash() != hash {
		t.Errorf("hashes %s and %s, want %s", a.Hash(), b.Hash(), hash)
	}
}

func TestHash(t *testing.T) {
	base := everything().Hash()
	for name, change := range map[string]func(*Scenario){
		"seed":        func(s *Scenario) { s.Seed++ },
		"count":       func(s *Scenario) { s.Services.Count = []int{10} },
		"endpoints":   func(s *Scenario) { s.Services.Endpoints = []int{1, 2} },
		"protocols":   func(s *Scenario) { s.Services.Protocols = Protocols{TCP: 50, UDP: 50} },
		"backends":    func(s *Scenario) { s.Backends = []string{"null"} },
		"limits":      func(s *Scenario) { s.Limits = nil },
		"measure":     func(s *Scenario) { s.Measure = []string{"on"} },
		"operations":  func(s *Scenario) { s.Operations++ },
		"traffic":     func(s *Scenario) { s.Traffic.Clients++ },
		"churn":       func(s *Scenario) { s.Churn.Kind = Rolling },
		"repeat":      func(s *Scenario) { s.Repeat = 0 },
		"serviceCIDR": func(s *Scenario) { s.Network.ServiceCIDRs = ranges("10.1.0.0/16") },
		"clusterCIDR": func(s *Scenario) { s.Network.ClusterCIDRs = ranges("10.32.0.0/12") },
	} {
		s := everything()
		if change(s); s.Hash() == base {
			t.Errorf("another %s has the same hash", name)
		}
	}
	s := everything()
	s.Metadata = Metadata{"other", "words"}
	if s.Hash() != base {
		t.Error("another name or description has another hash")
	}
}
