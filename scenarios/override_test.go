package scenarios

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestWith(t *testing.T) {
	s, err := Load("quick", known)
	if err != nil {
		t.Fatal(err)
	}
	before := string(s.YAML())
	seed := uint64(0)
	o := Overrides{
		Backends:  []string{"ipvs", "direct"},
		Services:  []int{20},
		Endpoints: []int{1, 2},
		Measure:   []string{"sync"},
		Repeat:    3,
		Seed:      &seed,
	}
	got, err := s.With(o, known)
	if err != nil {
		t.Fatal(err)
	}
	want := *s
	want.Backends, want.Measure, want.Repeat, want.Seed = o.Backends, o.Measure, 3, 0
	want.Services.Count, want.Services.Endpoints = o.Services, o.Endpoints
	if !reflect.DeepEqual(got, &want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	// Neither the scenario nor the flags share memory with the result.
	got.Backends[0], got.Services.Count[0], got.Services.Endpoints[0], got.Measure[0], got.Limits[0].Services = "x", 9, 9, "x", 9
	if string(s.YAML()) != before || o.Backends[0] != "ipvs" || o.Services[0] != 20 || o.Endpoints[0] != 1 || o.Measure[0] != "sync" {
		t.Error("With shares memory")
	}

	same, err := s.With(Overrides{}, known)
	if err != nil || !reflect.DeepEqual(same, s) {
		t.Errorf("no flags: got %+v, %v", same, err)
	}
}

func TestWithMistakes(t *testing.T) {
	s, err := Load("quick", known)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    Overrides
		want string
	}{
		{Overrides{Services: []int{10, 1_000_000_000}}, "--services: is 1000000000; want 1 to 1000000"},
		{Overrides{Services: []int{-1}}, "--services: is -1; want 1 to 1000000"},
		{Overrides{Services: []int{}}, "--services: is empty; want at least one number"},
		{Overrides{Services: []int{7, 7}}, "--services: 7 is given twice; keep one"},
		{Overrides{Services: []int{1_000_000}, Endpoints: []int{5}},
			"--endpoints: 1000000 Services x 5 endpoints do not fit into clusterCIDR 10.128.0.0/9, which holds 4194298 endpoints"},
		// The preset's own 5,000 Services are what is too many; the flag is what made them so.
		{Overrides{Endpoints: []int{1000}}, "--endpoints: 5000 Services x 1000 endpoints do not fit into clusterCIDR 10.128.0.0/9, which holds 4194298 endpoints"},
		{Overrides{Backends: []string{"direct", "cilium"}}, `--backends: unknown backend "cilium"; want direct, iptables-legacy, iptables-nft, ipvs or nftables`},
		{Overrides{Backends: []string{"iptables-nft"}, Services: []int{5000}},
			"--services: no point is left to run: every backend's limit is below every number of Services; raise a limit, or take fewer Services or another backend"},
		{Overrides{Measure: []string{"sink"}}, `--measure: unknown measurement "sink"; did you mean "sync"?`},
		{Overrides{Repeat: -1}, "--repeat: is -1; want 1 to 1000"},
		{Overrides{Backends: []string{"x1"}, Services: []int{0}},
			"--services: is 0; want 1 to 1000000\n" + `--backends: unknown backend "x1"; want direct, iptables-legacy, iptables-nft, ipvs or nftables`},
	} {
		if _, err := s.With(c.o, known); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// --services can be at fault for a value that the scenario gives elsewhere.
func TestWithBlamesTheFlag(t *testing.T) {
	s, err := Parse("t.yaml", []byte(valid("services: {count: 10, endpoints: 100}")), known)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.With(Overrides{Services: []int{50_000}}, known)
	want := "--services: 50000 Services x 100 endpoints do not fit into clusterCIDR 10.128.0.0/9, which holds 4194298 endpoints"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = s.With(Overrides{}, Known{Backends: []string{"direct"}})
	want = `scenario t: backends[1]: unknown backend "ipvs"; want direct`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// The node and its network can be another's.
func TestWithAnotherNode(t *testing.T) {
	s := everything()
	_, err := s.With(Overrides{NodeName: "n2", NodeIPs: addrsOf("10.40.0.1", "fd00::2"), ClusterCIDRs: ranges("10.16.0.0/13", "fd00:90::/48")}, Known{})
	if err == nil || !strings.Contains(err.Error(), "services.policies.zoneHints") {
		t.Errorf("another node keeps the zone of the first: %v", err)
	}
	got, err := s.With(Overrides{NodeName: "n2", NodeZone: "z", NodeIPs: addrsOf("10.40.0.1", "fd00::2"), ClusterCIDRs: ranges("10.16.0.0/13", "fd00:90::/48")}, Known{})
	if err != nil {
		t.Fatal(err)
	}
	want := everything()
	want.Node, want.Network.ClusterCIDRs = Node{"n2", "z", addrsOf("10.40.0.1", "fd00::2")}, ranges("10.16.0.0/13", "fd00:90::/48")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !reflect.DeepEqual(s, everything()) {
		t.Error("the scenario itself was changed")
	}
	_, err = s.With(Overrides{ServiceCIDRs: ranges("10.0.0.1/16")}, Known{})
	if want := "--service-cidr: 10.0.0.1/16 starts inside its range; want 10.0.0.0/16"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A backend's variants take its place on the axis and in the limits, also when it is
// named by a flag.
func TestWithVariants(t *testing.T) {
	s, err := Parse("t.yaml", []byte(`apiVersion: svcmark/v1
kind: Scenario
metadata: {name: t}
services: {count: [10, 100], endpoints: 1}
backends: [direct, proxy, ipvs]
limits: {proxy: {services: 10}}
measure: [sync]
`), Known{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.With(Overrides{Variants: map[string][]string{"proxy": {"proxy@b", "proxy@a"}}}, Known{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"direct", "proxy@b", "proxy@a", "ipvs"}; !slices.Equal(got.Backends, want) {
		t.Errorf("backends %q, want %q", got.Backends, want)
	}
	if want := []Limit{{"proxy@a", 10}, {"proxy@b", 10}}; !slices.Equal(got.Limits, want) {
		t.Errorf("limits %v, want %v", got.Limits, want)
	}
	if !slices.Equal(s.Backends, []string{"direct", "proxy", "ipvs"}) {
		t.Errorf("the scenario itself was changed to %q", s.Backends)
	}
	got, err = s.With(Overrides{Backends: []string{"proxy"}, Variants: map[string][]string{"proxy": {"proxy@a"}}}, Known{})
	if err != nil || !slices.Equal(got.Backends, []string{"proxy@a"}) {
		t.Errorf("of a flag's backend: %v, %v", got, err)
	}
}
