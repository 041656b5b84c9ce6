package scenarios

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

func addrOf(s string) netip.Addr { return netip.MustParseAddr(s) }

func addrsOf(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, t := range texts {
		list = append(list, addrOf(t))
	}
	return list
}

// dualNode is node-0 with an address of each family.
func dualNode() backends.Node {
	return backends.Node{Name: "node-0", Addrs: addrsOf("192.168.0.1", "fd00::1")}
}

// web is a Service with one port and no endpoint, changed by a case.
func web(change func(*Service)) Service {
	s := Service{
		Namespace: "shop", Name: "web", Type: ClusterIP, ClusterIPs: addrsOf("10.96.0.1"),
		Ports: []Port{{Name: "http", Protocol: "TCP", Port: 80}},
	}
	if change != nil {
		change(&s)
	}
	return s
}

// The cases are worked out by hand from newBaseServiceInfo in
// pkg/proxy/serviceport.go, serviceToServiceMap in
// pkg/proxy/servicechangetracker.go and ShouldSkipService and
// GetClusterIPByFamily in pkg/proxy/util/utils.go of kube-proxy 1.36.3.
func TestExpandServices(t *testing.T) {
	base := backends.ServicePort{Namespace: "shop", Name: "web", PortName: "http", Protocol: "TCP", Port: 80, ClusterIP: addrOf("10.96.0.1")}
	with := func(change func(*backends.ServicePort)) []backends.ServicePort {
		p := base
		change(&p)
		return []backends.ServicePort{p}
	}
	for _, c := range []struct {
		name   string
		change func(*Service)
		want   []backends.ServicePort
		reason string
	}{
		{name: "plain", want: []backends.ServicePort{base}},
		{name: "headless", change: func(s *Service) { s.ClusterIPs = nil }, reason: "headless"},
		{name: "ExternalName", change: func(s *Service) { s.Type, s.ClusterIPs = ExternalName, nil }, reason: "ExternalName"},
		{
			// "Even if ClusterIP is set, ServiceTypeExternalName services don't get proxied."
			name: "ExternalName with a ClusterIP", change: func(s *Service) { s.Type = ExternalName }, reason: "ExternalName",
		},
		{name: "another proxy's", change: func(s *Service) { s.OtherProxy = true }, reason: "left to another proxy"},
		{
			name:   "the policies of a ClusterIP without a way in from outside",
			change: func(s *Service) { s.ExternalLocal, s.InternalLocal = true, true },
			want:   with(func(p *backends.ServicePort) { p.InternalLocal = true }),
		},
		{
			name: "a ClusterIP with external IPs is reachable from outside",
			change: func(s *Service) {
				s.ExternalLocal, s.ExternalIPs = true, addrsOf("203.0.113.1", "2001:db8::1")
			},
			want: with(func(p *backends.ServicePort) {
				p.ExternalLocal, p.ExternalIPs = true, addrsOf("203.0.113.1")
			}),
		},
		{
			name: "a NodePort has no health check",
			change: func(s *Service) {
				s.Type, s.ExternalLocal, s.Ports[0].NodePort, s.HealthCheckNodePort = NodePort, true, 30080, 30081
			},
			want: with(func(p *backends.ServicePort) { p.ExternalLocal, p.NodePort = true, 30080 }),
		},
		{
			name: "a LoadBalancer has one when its policy is Local",
			change: func(s *Service) {
				s.Type, s.ExternalLocal, s.Ports[0].NodePort, s.HealthCheckNodePort = LoadBalancer, true, 30080, 30081
			},
			want: with(func(p *backends.ServicePort) { p.ExternalLocal, p.NodePort, p.HealthCheckNodePort = true, 30080, 30081 }),
		},
		{
			name:   "a LoadBalancer of the policy Cluster has none",
			change: func(s *Service) { s.Type, s.HealthCheckNodePort = LoadBalancer, 30081 },
			want:   with(func(*backends.ServicePort) {}),
		},
		{
			name: "addresses of the load balancer: of ipMode VIP and the family",
			change: func(s *Service) {
				s.Type = LoadBalancer
				s.Ingress = []Ingress{{addrOf("198.51.100.1"), false}, {addrOf("198.51.100.2"), true}, {addrOf("2001:db8::2"), false}}
			},
			want: with(func(p *backends.ServicePort) { p.LoadBalancerIPs = addrsOf("198.51.100.1") }),
		},
		{
			name: "source ranges of the family, masked",
			change: func(s *Service) {
				s.Type, s.SourceRanges = LoadBalancer, ranges("10.1.2.3/8", "2001:db8::/32", "192.0.2.0/24")
			},
			want: with(func(p *backends.ServicePort) { p.SourceRanges = ranges("10.0.0.0/8", "192.0.2.0/24") }),
		},
		{
			name: "the range of length 0 admits all of its family",
			change: func(s *Service) {
				s.Type, s.SourceRanges = LoadBalancer, ranges("10.0.0.0/8", "0.0.0.0/0", "192.0.2.0/24")
			},
			want: with(func(*backends.ServicePort) {}),
		},
		{
			name:   "the range of length 0 of the other family changes nothing",
			change: func(s *Service) { s.Type, s.SourceRanges = LoadBalancer, ranges("10.0.0.0/8", "::/0") },
			want:   with(func(p *backends.ServicePort) { p.SourceRanges = ranges("10.0.0.0/8") }),
		},
		{name: "affinity", change: func(s *Service) { s.AffinitySeconds = 10800 }, want: with(func(p *backends.ServicePort) { p.AffinitySeconds = 10800 })},
		{
			name: "two families and two ports",
			change: func(s *Service) {
				s.ClusterIPs = addrsOf("fd00:60::1", "10.96.0.1")
				s.Ports = append(s.Ports, Port{Name: "dns", Protocol: "UDP", Port: 53})
			},
			want: []backends.ServicePort{
				{Namespace: "shop", Name: "web", PortName: "http", Protocol: "TCP", Port: 80, ClusterIP: addrOf("fd00:60::1")},
				{Namespace: "shop", Name: "web", PortName: "dns", Protocol: "UDP", Port: 53, ClusterIP: addrOf("fd00:60::1")},
				{Namespace: "shop", Name: "web", PortName: "http", Protocol: "TCP", Port: 80, ClusterIP: addrOf("10.96.0.1")},
				{Namespace: "shop", Name: "web", PortName: "dns", Protocol: "UDP", Port: 53, ClusterIP: addrOf("10.96.0.1")},
			},
		},
	} {
		state := Expand(dualNode(), []Service{web(c.change)})
		if c.reason != "" {
			if len(state.Services) != 0 || !reflect.DeepEqual(state.Unserved, []backends.Unserved{{Namespace: "shop", Name: "web", Reason: c.reason}}) {
				t.Errorf("%s: got %+v and %+v", c.name, state.Services, state.Unserved)
			}
			continue
		}
		if !reflect.DeepEqual(state.Services, c.want) || state.Unserved != nil {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.name, state.Services, c.want)
		}
	}
}

// A node serves the families in which it has an address.
func TestExpandFamiliesOfTheNode(t *testing.T) {
	services := []Service{web(func(s *Service) { s.ClusterIPs = addrsOf("10.96.0.1", "fd00:60::1") })}
	for _, c := range []struct{ node, want string }{{"192.168.0.1", "10.96.0.1"}, {"fd00::1", "fd00:60::1"}} {
		got := Expand(backends.Node{Name: "n", Addrs: addrsOf(c.node)}, services).Services
		if len(got) != 1 || got[0].ClusterIP != addrOf(c.want) {
			t.Errorf("a node with %s: got %+v", c.node, got)
		}
	}
}

// Worked out by hand from endpointInfoByServicePort and addEndpoints in
// pkg/proxy/endpointslicecache.go.
func TestExpandEndpoints(t *testing.T) {
	at := func(s string) backends.Endpoint { return backends.Endpoint{Addr: netip.MustParseAddrPort(s)} }
	http := []TargetPort{{"http", "TCP", 8080}}
	for _, c := range []struct {
		name string
		sets []Subset
		want []backends.Endpoint
	}{
		{name: "none"},
		{
			name: "sorted by text, of the family alone",
			sets: []Subset{{http, []Endpoint{{Addr: addrOf("10.0.0.2")}, {Addr: addrOf("fd00::2")}, {Addr: addrOf("10.0.0.10")}}}},
			want: []backends.Endpoint{at("10.0.0.10:8080"), at("10.0.0.2:8080")},
		},
		{
			name: "by the port's name and protocol",
			sets: []Subset{
				{[]TargetPort{{"http", "UDP", 1}, {"", "TCP", 2}, {"https", "TCP", 3}}, []Endpoint{{Addr: addrOf("10.0.0.1")}}},
				{[]TargetPort{{"http", "TCP", 4}}, []Endpoint{{Addr: addrOf("10.0.0.2")}}},
			},
			want: []backends.Endpoint{at("10.0.0.2:4")},
		},
		{
			name: "local by the node's name, and an endpoint without one is not",
			sets: []Subset{{http, []Endpoint{{Addr: addrOf("10.0.0.1"), Node: "node-0"}, {Addr: addrOf("10.0.0.2"), Node: "node-1"}, {Addr: addrOf("10.0.0.3")}}}},
			want: []backends.Endpoint{{Addr: netip.MustParseAddrPort("10.0.0.1:8080"), Local: true}, at("10.0.0.2:8080"), at("10.0.0.3:8080")},
		},
		{
			name: "conditions and hints",
			sets: []Subset{{http, []Endpoint{{Addr: addrOf("10.0.0.1"), NotReady: true, NotServing: true, Terminating: true, Zones: []string{"a"}, Nodes: []string{"n"}}}}},
			want: []backends.Endpoint{{
				Addr: netip.MustParseAddrPort("10.0.0.1:8080"), Conditions: backends.NotReady | backends.NotServing | backends.Terminating,
				Hints: &backends.Hints{Zones: []string{"a"}, Nodes: []string{"n"}},
			}},
		},
		{
			name: "of two with one address the later counts",
			sets: []Subset{{http, []Endpoint{{Addr: addrOf("10.0.0.1"), NotReady: true}}}, {http, []Endpoint{{Addr: addrOf("10.0.0.1"), Node: "node-0"}}}},
			want: []backends.Endpoint{{Addr: netip.MustParseAddrPort("10.0.0.1:8080"), Local: true}},
		},
		{
			name: "but not when it is terminating",
			sets: []Subset{{http, []Endpoint{{Addr: addrOf("10.0.0.1"), Node: "node-0"}}}, {http, []Endpoint{{Addr: addrOf("10.0.0.1"), Terminating: true}}}},
			want: []backends.Endpoint{{Addr: netip.MustParseAddrPort("10.0.0.1:8080"), Local: true}},
		},
		{
			name: "two terminating ones: the first",
			sets: []Subset{{http, []Endpoint{
				{Addr: addrOf("10.0.0.1"), Terminating: true, NotReady: true}, {Addr: addrOf("10.0.0.1"), Terminating: true},
			}}},
			want: []backends.Endpoint{{Addr: netip.MustParseAddrPort("10.0.0.1:8080"), Conditions: backends.NotReady | backends.Terminating}},
		},
		{
			name: "one address on two ports is two endpoints",
			sets: []Subset{{http, []Endpoint{{Addr: addrOf("10.0.0.1")}}}, {[]TargetPort{{"http", "TCP", 8081}}, []Endpoint{{Addr: addrOf("10.0.0.1")}}}},
			want: []backends.Endpoint{at("10.0.0.1:8080"), at("10.0.0.1:8081")},
		},
	} {
		got := Expand(dualNode(), []Service{web(func(s *Service) { s.Endpoints = c.sets })}).Services[0].Endpoints
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.name, got, c.want)
		}
	}
}
