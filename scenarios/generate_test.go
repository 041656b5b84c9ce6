package scenarios

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// mixed has every kind of Service and every policy, in both families.
func mixed() *Scenario {
	s := defaults()
	s.Services.Mix = Mix{ClusterIP: 40, NodePort: 25, LoadBalancer: 25, ExternalName: 5, Headless: 5}
	s.Services.Protocols = Protocols{TCP: 60, UDP: 25, SCTP: 15}
	s.Services.Policies = Policies{50, 20, 30, 3600, 15, 40, 30, 20, 25, 30, 10, 20, 10, 15, 20, 10}
	s.Network = Network{ranges("10.96.0.0/12", "fd00:60::/108"), ranges("10.128.0.0/9", "fd00:80::/48")}
	s.Node.Zone = "zone-0"
	return s
}

// Whatever the shares are, the API would hold the Services, a backend takes the
// State, and the first of them are those of a smaller point.
func TestGenerateMixed(t *testing.T) {
	for seed := range uint64(10) {
		s := mixed()
		s.Seed = seed
		if seed%2 == 1 { // IPv6 first, or alone
			s.Network = Network{ranges("fd00:60::/108", "10.96.0.0/12")[:1+seed/2%2], ranges("fd00:80::/48", "10.128.0.0/9")[:1+seed/2%2]}
			s.Services.Policies.SingleStack = 0
		}
		if ps := s.checkedWith(Services{Count: []int{900}, Endpoints: []int{7}}); len(ps) > 0 {
			t.Fatalf("seed %d: %+v", seed, ps)
		}
		list := s.Generate(900, 7)
		for i := range list {
			list[i].Check(func(field, format string, args ...any) {
				t.Errorf("seed %d: %s: %s: %s", seed, list[i].Name, field, fmt.Sprintf(format, args...))
			})
		}
		CheckTogether(list, func(i int, field, format string, args ...any) {
			t.Errorf("seed %d: %s: %s: %s", seed, list[i].Name, field, fmt.Sprintf(format, args...))
		})
		for _, n := range []int{0, 1, 50, 899} {
			if !reflect.DeepEqual(s.Generate(n, 7), list[:n]) {
				t.Errorf("seed %d: the first %d Services of 900 are others than those of %d", seed, n, n)
			}
		}
		state := s.State(900, 7)
		if err := state.Check(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if again := s.State(900, 7); !reflect.DeepEqual(again, state) {
			t.Errorf("seed %d: the second call gives another State", seed)
		}
	}
}

// checkedWith is what is wrong with the scenario when it is complete.
func (s *Scenario) checkedWith(v Services) []problem {
	c := *s
	c.Metadata.Name, c.Backends, c.Measure = "t", []string{"direct"}, []string{"sync"}
	c.Services.Count, c.Services.Endpoints = v.Count, v.Endpoints
	return c.check(Known{})
}

// Shares are exact in every beginning of the Services, each among those that it
// is a share of.
func TestGenerateShares(t *testing.T) {
	s := mixed()
	p := s.Services.Policies
	list := s.Generate(1500, 4)
	types := map[Type]int{}
	var served, headless, udp, sctp, nodeLocal, lbLocal, internal, affinity, external, ranges, proxy, several, single, none, zones, nodes int
	var endpoints, local, notReady, terminating int
	near := func(n, got, of, share int, slack float64, what string) {
		t.Helper()
		if d := float64(got) - float64(of*share)/100; d > slack || d < -slack {
			t.Errorf("of the first %d Services %d of %d have %s, want %d %%", n, got, of, what, share)
		}
	}
	count := func(n *int, is bool) {
		if is {
			*n++
		}
	}
	for i := range list {
		v := &list[i]
		n := i + 1
		isHeadless := v.Type == ClusterIP && len(v.ClusterIPs) == 0
		if isHeadless {
			headless++
		} else {
			types[v.Type]++
		}
		count(&udp, v.Ports[0].Protocol == "UDP")
		count(&sctp, v.Ports[0].Protocol == "SCTP")
		if v.Served() {
			served++
			count(&internal, v.InternalLocal)
			count(&affinity, v.AffinitySeconds == 3600)
			count(&external, len(v.ExternalIPs) > 0)
			count(&several, len(v.Ports) == 3)
			count(&single, len(v.ClusterIPs) == 1)
			count(&none, len(v.Endpoints) == 0)
			count(&nodeLocal, v.Type == NodePort && v.ExternalLocal)
			count(&lbLocal, v.Type == LoadBalancer && v.ExternalLocal)
			count(&ranges, len(v.SourceRanges) > 0)
			count(&proxy, len(v.Ingress) > 0 && v.Ingress[0].Proxy)
		}
		for _, set := range v.Endpoints {
			count(&zones, len(set.Endpoints[0].Zones) > 0)
			count(&nodes, len(set.Endpoints[0].Nodes) > 0)
			for _, e := range set.Endpoints {
				endpoints++
				count(&local, e.Node == "node-0")
				count(&notReady, e.NotReady && e.NotServing && !e.Terminating)
				count(&terminating, e.NotReady && !e.NotServing && e.Terminating)
			}
		}
		near(n, types[ClusterIP], n, 40, 3, "type ClusterIP")
		near(n, types[NodePort], n, 25, 3, "type NodePort")
		near(n, types[LoadBalancer], n, 25, 3, "type LoadBalancer")
		near(n, types[ExternalName], n, 5, 1, "type ExternalName")
		near(n, headless, n, 5, 2, "no ClusterIP")
		near(n, udp, n, 25, 4, "UDP")
		near(n, sctp, n, 15, 5, "SCTP")
		near(n, internal, served, p.InternalTrafficPolicyLocal, 1, "internalTrafficPolicy Local")
		near(n, affinity, served, p.SessionAffinity, 1, "affinity")
		near(n, external, served, p.ExternalIPs, 1, "external IPs")
		near(n, several, served, p.SeveralPorts, 1, "several ports")
		near(n, single, served, p.SingleStack, 1, "one family")
		near(n, none, served, p.NoEndpoints, 1, "no endpoints")
		near(n, nodeLocal, types[NodePort], p.ExternalTrafficPolicyLocal, 1, "a NodePort with externalTrafficPolicy Local")
		near(n, lbLocal, types[LoadBalancer], p.ExternalTrafficPolicyLocal, 1, "a LoadBalancer with externalTrafficPolicy Local")
		near(n, ranges, types[LoadBalancer], p.SourceRanges, 1, "source ranges")
		near(n, proxy, types[LoadBalancer], p.ProxyIPMode, 1, "ipMode Proxy")
	}
	// Of those that have endpoints at all the shares are what chance leaves.
	near(len(list), zones, served-none, p.ZoneHints, 40, "zone hints")
	near(len(list), nodes, served-none, p.NodeHints, 40, "node hints")
	near(len(list), local, endpoints, p.LocalEndpoints, 100, "local endpoints")
	near(len(list), notReady, endpoints, p.NotReady, 100, "endpoints that are not ready")
	near(len(list), terminating, endpoints, p.Terminating, 100, "terminating endpoints")
}

// Two policies of one share have each their own Services, and some in common.
func TestGenerateSharesAreIndependent(t *testing.T) {
	s := mixed()
	s.Services.Policies.SessionAffinity, s.Services.Policies.InternalTrafficPolicyLocal = 20, 20
	both, affinity := 0, 0
	list := s.Generate(1500, 1)
	for i := range list {
		if list[i].AffinitySeconds > 0 {
			affinity++
			if list[i].InternalLocal {
				both++
			}
		}
	}
	// A fifth of a fifth of 1,350 are 54, with a standard deviation below 7.
	if both < 27 || both > 81 {
		t.Errorf("%d of %d Services with affinity are internally local, too", both, affinity)
	}
}

func TestDeal(t *testing.T) {
	for _, c := range [][2]int{{0, 100}, {1, 100}, {10, 100}, {33, 100}, {50, 100}, {67, 100}, {99, 100}, {100, 100}, {3, 7}, {5, 95}, {0, 1}, {1, 1}} {
		for seed := range uint64(20) {
			d := newDeal(c[0], c[1], scramble(seed))
			has := 0
			for i := range 1000 {
				if got := d.before(i); got != has {
					t.Fatalf("%d of %d: before(%d) is %d, want %d", c[0], c[1], i, got, has)
				}
				if off := float64(has) - float64(i*c[0])/float64(c[1]); off <= -1 || off >= 1 {
					t.Fatalf("%d of %d: %d of the first %d", c[0], c[1], has, i)
				}
				if d.has(i) {
					has++
				}
			}
		}
	}
}

func TestPortDealerDealsEachPortOnce(t *testing.T) {
	for seed := range uint64(20) {
		d, seen := newPortDealer(seed), map[uint16]bool{}
		for range nodePortRoom {
			p := d.next()
			if p < 30000 || p > 32767 || seen[p] {
				t.Fatalf("seed %d: %d is out of range or comes twice", seed, p)
			}
			seen[p] = true
		}
	}
}

// A network of two families gives every pod and every Service an address of
// each, as real dual-stack clusters do.
func TestGenerateDualStack(t *testing.T) {
	s := defaults()
	s.Network = Network{ranges("fd00:60::/108", "10.96.0.0/12"), ranges("10.128.0.0/9", "fd00:80::/48")}
	state := s.State(100, 3)
	if len(state.Services) != 200 || state.Services[0].Family() != backends.IPv4 || state.Services[1].Family() != backends.IPv6 {
		t.Fatalf("%d ServicePorts, the first of %s", len(state.Services), state.Services[0].Family())
	}
	seen := map[netip.Addr]bool{}
	for i := range state.Services {
		p := &state.Services[i]
		if len(p.Endpoints) != 3 || !state.Node.ServiceCIDR(p.Family()).Contains(p.ClusterIP) || seen[p.ClusterIP] {
			t.Errorf("%s has %d endpoints and the ClusterIP %s", p, len(p.Endpoints), p.ClusterIP)
		}
		seen[p.ClusterIP] = true
		for _, e := range p.Endpoints {
			hosts := state.Node.EndpointHostCIDRs(p.Family())
			if a := e.Addr.Addr(); seen[a] || !hosts[0].Contains(a) && !hosts[1].Contains(a) {
				t.Errorf("%s has the endpoint %s", p, e.Addr)
			}
			seen[e.Addr.Addr()] = true
		}
	}
	if got := s.Generate(1, 1)[0].ClusterIPs[0]; !got.Is6() {
		t.Errorf("the primary ClusterIP is %s", got)
	}
}

// Weights are dealt in turn over each Service's endpoints, to a pod's addresses of
// both families alike, and stay with an endpoint that others join.
func TestGenerateWeights(t *testing.T) {
	s := defaults()
	s.Services.Weights = []int{1, 2, 65535}
	s.Network = Network{ranges("10.96.0.0/12", "fd00:60::/108"), ranges("10.128.0.0/9", "fd00:80::/48")}
	for _, v := range s.Generate(20, 5) {
		var got []uint16
		for _, e := range v.Endpoints[0].Endpoints {
			got = append(got, e.Weight)
		}
		if want := []uint16{1, 2, 65535, 1, 2, 1, 2, 65535, 1, 2}; !slices.Equal(got, want) {
			t.Fatalf("%s has the weights %v, want %v", v.Name, got, want)
		}
	}
	for _, p := range s.State(20, 2).Services {
		if sum := p.Endpoints[0].Weight + p.Endpoints[1].Weight; sum != 3 {
			t.Errorf("the weights of %s add up to %d, want 3", &p, sum)
		}
	}
}
