package scenarios_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/scenarios"
	"github.com/svcmark/svcmark/scenarios/scenariotest"
)

func listed(services []scenarios.Service) *scenarios.Scenario {
	node := scenariotest.Node()
	return &scenarios.Scenario{
		Metadata: scenarios.Metadata{Name: "t"}, Seed: 1,
		Services: scenarios.Services{List: services},
		Backends: []string{"direct"}, Measure: []string{"sync"}, Operations: 1, Traffic: scenarios.DefaultTraffic(), Churn: scenarios.DefaultChurn(),
		Network: scenarios.Network{ServiceCIDRs: node.ServiceCIDRs, ClusterCIDRs: node.ClusterCIDRs},
		Node:    scenarios.Node{Name: node.Name, Zone: node.Zone, Addrs: node.Addrs},
	}
}

// A list is a scenario of its own kind; every field of every Service comes back.
func TestListRoundTrip(t *testing.T) {
	for seed := range uint64(20) {
		s := listed(scenariotest.Services(rand.New(rand.NewPCG(seed, 1)), 200))
		s.Services.Times = [][]int{nil, {2}, {1, 3}}[seed%3]
		for _, v := range s.Services.List {
			for _, set := range v.Endpoints {
				for i := range set.Endpoints {
					set.Endpoints[i].Weight = uint16(i * 0x5555) // from none to the greatest
				}
			}
		}
		got, err := scenarios.Parse("canonical.yaml", s.YAML(), scenarios.Known{})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range s.Services.List {
			if !reflect.DeepEqual(got.Services.List[i], want) {
				t.Fatalf("got  %+v\nwant %+v", got.Services.List[i], want)
			}
		}
		if !reflect.DeepEqual(got, s) {
			t.Errorf("got  %+v\nwant %+v", got, s)
		}
		state := got.State(200, scenarios.Listed)
		if want := scenarios.Expand(scenariotest.Node(), s.Services.List); !reflect.DeepEqual(state.Unserved, want.Unserved) || len(state.Services) != len(want.Services) {
			t.Errorf("%d ServicePorts, want %d", len(state.Services), len(want.Services))
		}
		if err := state.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestListPoints(t *testing.T) {
	s := listed(scenariotest.Services(rand.New(rand.NewPCG(1, 1)), 20))
	if got := fmt.Sprint(s.Points()); got != "[{direct 20 -1}]" {
		t.Errorf("got %s", got)
	}
	if _, err := s.With(scenarios.Overrides{Services: []int{5}}, scenarios.Known{}); err == nil || err.Error() != "--services: has no meaning: the scenario lists its Services, which --times takes several times" {
		t.Errorf("got %v", err)
	}
}

// Every mistake is named with its place.
func TestListMistakes(t *testing.T) {
	const head = "apiVersion: svcmark/v1\nkind: Scenario\nmetadata: {name: t}\nbackends: [direct]\nmeasure: [sync]\nservices:\n"
	const good = "namespace: a, name: b, clusterIPs: [10.96.0.1], ports: [{port: 80}]"
	for _, c := range []struct{ services, want string }{
		{"  list: {}", "7:9: services.list: is a mapping; want a list of Services"},
		{"  list: []", "7:9: services.list: is empty; want at least one Service"},
		{"  list:\n  - 5", "8:5: services.list[0]: is the number 5; want a mapping with keys of namespace, name, type, clusterIPs, ports, externalIPs, loadBalancer, loadBalancerSourceRanges, internalTrafficPolicy, externalTrafficPolicy, affinitySeconds, healthCheckNodePort, otherProxy, endpoints"},
		{"  count: 5\n  list: [{" + good + "}]", "7:10: services.count: does not go with a list of Services, which says everything; keep one of the two"},
		{"  list: [{" + good + ", nodeport: 5}]", `7:80: services.list[0]: unknown key "nodeport"; want namespace, name, type, clusterIPs, ports, externalIPs, loadBalancer, loadBalancerSourceRanges, internalTrafficPolicy, externalTrafficPolicy, affinitySeconds, healthCheckNodePort, otherProxy or endpoints`},
		{"  list: [{" + good + ", name: c}]", "7:80: services.list[0]: the key name is given twice; keep one"},
		{"  list: [{namespace: a, name: 'b\"; drop', clusterIPs: [10.96.0.1], ports: [{port: 80}]}]", `7:31: services.list[0].name: "b\"; drop" is no DNS label; want 1 to 63 of a-z, 0-9 and -, with no - at the ends`},
		{"  list: [{namespace: a, name: b, clusterIPs: [10.96.0.256], ports: [{port: 80}]}]", `7:47: services.list[0].clusterIPs: "10.96.0.256" is no IP address`},
		{"  list: [{namespace: a, name: b, clusterIPs: [10.96.0.1, 10.96.0.2], ports: [{port: 80}]}]", "7:58: services.list[0].clusterIPs[1]: 10.96.0.2 is of the family of the first; want one of each"},
		{"  list: [{namespace: a, name: b, clusterIPs: [10.96.0.1], ports: [{port: 70000}]}]", "7:74: services.list[0].ports.port: is 70000; want 1 to 65535"},
		{"  list: [{namespace: a, name: b, clusterIPs: [10.96.0.1], ports: [{port: 80}, {name: x, port: 81}]}]", `7:67: services.list[0].ports[0].name: is empty; each of several ports has a name`},
		{"  list: [{" + good + ", endpoints: [{ports: [{port: 80}], addresses: [10.1.1.1 node=n ready]}]}]", `7:126: services.list[0].endpoints.addresses: "ready" says nothing of an endpoint, or says it twice; want node=…, forZone=…, forNode=…, weight=…, notReady, notServing or terminating`},
		{"  list: [{" + good + ", weights: [1]}]", `7:80: services.list[0]: unknown key "weights"; want namespace, name, type, clusterIPs, ports, externalIPs, loadBalancer, loadBalancerSourceRanges, internalTrafficPolicy, externalTrafficPolicy, affinitySeconds, healthCheckNodePort, otherProxy or endpoints`},
		{"  weights: [1, 2]\n  list: [{" + good + "}]", "7:12: services.weights: does not go with a list of Services, which says everything; keep one of the two"},
		{"  list: [{" + good + ", endpoints: [{ports: [{port: 80}], addresses: [10.1.1.1 weight=0]}]}]", `7:126: services.list[0].endpoints.addresses: "0" is no weight; want 1 to 65535`},
		{"  list: [{" + good + ", endpoints: [{ports: [{port: 80}], addresses: [10.1.1.1 weight=65536]}]}]", `7:126: services.list[0].endpoints.addresses: "65536" is no weight; want 1 to 65535`},
		{"  list: [{" + good + ", endpoints: [{ports: [{port: 80}], addresses: [10.1.1.1 weight=010]}]}]", `7:126: services.list[0].endpoints.addresses: "010" is no weight; want 1 to 65535`},
		{"  list: [{" + good + ", endpoints: [{ports: [{port: 80}], addresses: [127.0.0.1]}]}]", "7:126: services.list[0].endpoints[0].addresses[0]: 127.0.0.1 is a loopback address"},
		{"  list: [&x {" + good + "}, *x]", "7:84: services.list[1]: is the alias *x; a scenario has no aliases, write the value out"},
		{"  list: [{" + good + "}, {namespace: a, name: c, clusterIPs: [10.96.0.1], ports: [{port: 80}]}]", "7:118: services.list[1].clusterIPs[0]: 10.96.0.1 belongs to the Service \"a/b\", too"},
	} {
		_, err := scenarios.Parse("t.yaml", []byte(head+c.services+"\n"), scenarios.Known{})
		if err == nil || err.Error() != "t.yaml:"+c.want {
			t.Errorf("%s\ngot  %v\nwant t.yaml:%s", c.services, err, c.want)
		}
	}
	// A list that is wrong all over is given up.
	_, err := scenarios.Parse("t.yaml", []byte(head+"  list:\n"+strings.Repeat("  - {}\n", 5000)), scenarios.Known{})
	var mistakes scenarios.Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) > 1100 {
		t.Errorf("%d mistakes", len(mistakes))
	}
}
