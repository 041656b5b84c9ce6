package scenarios

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

func dump(h hash.Hash, s *backends.State) {
	fmt.Fprintln(h, s.Node.Name, s.Node.Addrs, s.Node.ClusterCIDRs, s.Node.ServiceCIDRs)
	for i := range s.Services {
		p := &s.Services[i]
		fmt.Fprintln(h, p.String(), p.Protocol, p.VIP())
		for _, e := range p.Endpoints {
			fmt.Fprintln(h, e.Addr, e.Local)
		}
	}
}

// The state is the same with every version of Go and svcmark: published figures
// belong to it. A change here makes every committed run another experiment.
func TestStateIsPinned(t *testing.T) {
	for _, c := range []struct {
		seed                uint64
		services, endpoints int
		want                string
	}{
		{1, 10, 3, "0228476b4bcae98079617b60dedf9cd10c82a1bbc9016c8d874ff27830187c8a"},
		{1, 5000, 3, "8536b4a99a694db1f9aa2479affdc2ff0b01806803fe640a460163cf5ba65f99"},
		{1<<64 - 1, 1000, 10, "394c7995e50d26592ac441b2c25371e0ee4a161d7a2896e9d4b3f6a1691708f0"},
	} {
		s := defaults()
		s.Seed = c.seed
		h := sha256.New()
		dump(h, s.State(c.services, c.endpoints))
		if got := fmt.Sprintf("%x", h.Sum(nil)); got != c.want {
			t.Errorf("seed %d, %d x %d: %s, want %s", c.seed, c.services, c.endpoints, got, c.want)
		}
	}
}

var portName = regexp.MustCompile(`^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$`)

// What every State promises, over shapes that touch the edges of the ranges.
func TestStateProperties(t *testing.T) {
	small := Network{ranges("10.96.0.0/24"), ranges("10.128.0.0/22")}
	for _, c := range []struct {
		seed                uint64
		services, endpoints int
		network             Network
		protocols           Protocols
	}{
		{1, 1, 1, defaults().Network, Protocols{TCP: 90, UDP: 10}},
		{2, 5000, 3, defaults().Network, Protocols{TCP: 90, UDP: 10}},
		{3, 777, 10, defaults().Network, Protocols{TCP: 1, UDP: 99}},
		{4, 253, 2, small, Protocols{TCP: 100, UDP: 0}}, // every ClusterIP and all but two endpoints
		{5, 1, 506, small, Protocols{TCP: 0, UDP: 100}}, // every endpoint
		{6, 100, 5, small, Protocols{TCP: 50, UDP: 50}},
		{7, 20, 0, small, Protocols{TCP: 50, UDP: 50}},
		{8, 0, 5, small, Protocols{TCP: 50, UDP: 50}},
	} {
		t.Run(fmt.Sprintf("seed=%d", c.seed), func(t *testing.T) {
			s := defaults()
			s.Seed, s.Network, s.Services.Protocols = c.seed, c.network, c.protocols
			state := s.State(c.services, c.endpoints)
			if again := s.State(c.services, c.endpoints); !reflect.DeepEqual(again, state) {
				t.Fatal("the second call gives another state")
			}
			checkState(t, s, state, c.services, c.endpoints)

			// Growing keeps what is there.
			for _, n := range []int{0, 1, c.services / 2, c.services - 1} {
				if n < 0 || n > c.services {
					continue
				}
				if smaller := s.State(n, c.endpoints); !reflect.DeepEqual(smaller.Services, state.Services[:n]) {
					t.Errorf("the state with %d Services does not start that with %d", n, c.services)
				}
			}
		})
	}
}

func checkState(t *testing.T, s *Scenario, state *backends.State, services, endpoints int) {
	t.Helper()
	node := &state.Node
	if node.ServiceCIDR(backends.IPv4) != s.Network.ServiceCIDRs[0] || node.ClusterCIDR(backends.IPv4) != s.Network.ClusterCIDRs[0] || len(node.Addrs) == 0 {
		t.Errorf("the node is %+v", node)
	}
	if len(state.Services) != services {
		t.Fatalf("%d Services, want %d", len(state.Services), services)
	}
	if !slices.IsSortedFunc(state.Services, func(a, b backends.ServicePort) int { return a.Compare(&b) }) {
		t.Error("the Services are not sorted")
	}
	hosts := node.EndpointHostCIDRs(backends.IPv4)
	owner := map[netip.Addr]string{}
	claim := func(a netip.Addr, who string) {
		if other, taken := owner[a]; taken {
			t.Errorf("%s and %s share %s", who, other, a)
		}
		owner[a] = who
	}
	udp, perHost := 0, [2]int{}
	names := map[string]bool{}
	for i := range state.Services {
		p := &state.Services[i]
		for _, label := range []string{p.Namespace, p.Name} {
			if len(label) > 63 || !dnsLabel.MatchString(label) {
				t.Errorf("%q is no DNS label", label)
			}
		}
		if names[p.Namespace+"/"+p.Name] {
			t.Errorf("two Services are called %s/%s", p.Namespace, p.Name)
		}
		names[p.Namespace+"/"+p.Name] = true
		if len(p.PortName) > 15 || !portName.MatchString(p.PortName) || p.Port == 0 {
			t.Errorf("%s has the port %q, %d", p, p.PortName, p.Port)
		}
		switch p.Protocol {
		case backends.UDP:
			udp++
		case backends.TCP:
		default:
			t.Errorf("%s has the protocol %q", p, p.Protocol)
		}
		if n := 100 * udp; abs(n-(i+1)*s.Services.Protocols.UDP) > 50 {
			t.Errorf("%d of the first %d Services are UDP", udp, i+1)
		}
		if !node.ServiceCIDR(backends.IPv4).Contains(p.ClusterIP) {
			t.Errorf("%s has the ClusterIP %s", p, p.ClusterIP)
		}
		claim(p.ClusterIP, p.String())
		if len(p.Endpoints) != endpoints || cap(p.Endpoints) != endpoints {
			t.Fatalf("%s has %d endpoints and room for %d, want %d", p, len(p.Endpoints), cap(p.Endpoints), endpoints)
		}
		if !slices.IsSortedFunc(p.Endpoints, func(a, b backends.Endpoint) int { return a.Compare(&b) }) {
			t.Errorf("the endpoints of %s are not sorted", p)
		}
		for _, e := range p.Endpoints {
			claim(e.Addr.Addr(), "an endpoint of "+p.String())
			if e.Addr.Port() == 0 || e.Local {
				t.Errorf("%s has the endpoint %+v", p, e)
			}
			switch {
			case hosts[0].Contains(e.Addr.Addr()):
				perHost[0]++
			case hosts[1].Contains(e.Addr.Addr()):
				perHost[1]++
			default:
				t.Errorf("the endpoint %s of %s is on no host", e.Addr, p)
			}
		}
	}
	if abs(perHost[0]-perHost[1]) > 1 {
		t.Errorf("the hosts have %v endpoints", perHost)
	}
}

func TestStateFollowsTheSeed(t *testing.T) {
	a, b := defaults(), defaults()
	b.Seed++
	x, y := a.State(100, 3), b.State(100, 3)
	same := 0
	for i := range x.Services {
		if x.Services[i].ClusterIP == y.Services[i].ClusterIP || x.Services[i].Endpoints[0] == y.Services[i].Endpoints[0] {
			same++
		}
	}
	if same > 2 { // by chance, among a million addresses, none
		t.Errorf("%d of 100 Services have the same addresses with another seed", same)
	}
}

func TestStateRefusesWhatDoesNotFit(t *testing.T) {
	for _, c := range [][2]int{{-1, 1}, {1, -1}, {maxServices + 1, 1}, {1 << 40, 1 << 40}, {1000, 10_000}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("State(%d, %d) does not panic", c[0], c[1])
				}
			}()
			defaults().State(c[0], c[1])
		}()
	}
}

func abs(n int) int { return max(n, -n) }

// ranges are address ranges by their texts.
func ranges(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, t := range texts {
		list = append(list, netip.MustParsePrefix(t))
	}
	return list
}
