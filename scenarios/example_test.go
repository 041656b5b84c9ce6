package scenarios_test

import (
	"fmt"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/scenarios"
)

func ExampleParse() {
	_, err := scenarios.Parse("mine.yaml", []byte(`
apiVersion: svcmark/v1
kind: Scenario
metadata: {name: mine}
services: {count: [10, 1000000000], endpoints: 3}
backend: [direct, ipvs]
measure: [sync]
`), scenarios.Known{})
	fmt.Println(err)
	// Output:
	// mine.yaml:5:24: services.count[1]: is 1000000000; want 1 to 1000000
	// mine.yaml:6:1: unknown key "backend"; did you mean "backends"?
}

func ExampleScenario_State() {
	s, err := scenarios.Load("quick", scenarios.Known{})
	if err != nil {
		fmt.Println(err)
		return
	}
	state := s.State(10, 3)
	for _, p := range state.Services[3:6] {
		fmt.Println(p.Protocol, p.VIP(), &p)
		for _, e := range p.Endpoints {
			fmt.Println("   ", e.Addr)
		}
	}
	fmt.Println("the node's pods:", state.Node.PodCIDR(backends.IPv4))
	fmt.Println("the endpoint hosts:", state.Node.EndpointHostCIDRs(backends.IPv4))
	// Output:
	// TCP 10.109.49.232:443 team-00000/app-000003-mail:https
	//     10.163.48.107:8443
	//     10.216.27.171:8443
	//     10.220.90.186:8443
	// UDP 10.111.33.80:53 team-00000/app-000004-recommendations:dns
	//     10.182.108.2:5353
	//     10.185.148.61:5353
	//     10.198.167.206:5353
	// TCP 10.109.119.241:443 team-00000/app-000005-metrics:https
	//     10.190.26.197:8443
	//     10.207.46.151:8443
	//     10.217.206.165:8443
	// the node's pods: 10.128.0.0/24
	// the endpoint hosts: [10.160.0.0/11 10.192.0.0/11]
}

func ExampleScenario_Points() {
	s, err := scenarios.Load("quick", scenarios.Known{})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err = s.With(scenarios.Overrides{Services: []int{1000, 5000}}, scenarios.Known{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range s.Points() {
		fmt.Println(p.Backend, p.Services, p.Endpoints)
	}
	fmt.Println("left out:", s.Limited())
	// Output:
	// direct 1000 3
	// direct 5000 3
	// iptables-legacy 1000 3
	// iptables-legacy 5000 3
	// iptables-nft 1000 3
	// ipvs 1000 3
	// ipvs 5000 3
	// nftables 1000 3
	// left out: [{iptables-nft 5000 3} {nftables 5000 3}]
}
