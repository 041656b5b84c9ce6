package scenarios_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/scenarios"
	"github.com/svcmark/svcmark/scenarios/scenariotest"
)

// A cluster several times over is one that an API server would hold, and in each copy all
// but names of namespaces, addresses and node ports is the cluster's.
func TestTimes(t *testing.T) {
	for seed := range uint64(10) {
		s := listed(scenariotest.Services(rand.New(rand.NewPCG(seed, 2)), 150))
		s.Services.Times = []int{1, 3}
		if got := fmt.Sprint(s.Points()); got != "[{direct 150 -1} {direct 450 -1}]" {
			t.Errorf("points %s", got)
		}
		once, thrice := s.Generate(150, scenarios.Listed), s.Generate(450, scenarios.Listed)
		if !reflect.DeepEqual(once, s.Services.List) || !reflect.DeepEqual(thrice[:150], once) || !reflect.DeepEqual(s.Generate(300, scenarios.Listed), thrice[:300]) {
			t.Fatal("what a smaller point holds is no beginning of what a larger one does")
		}
		if !reflect.DeepEqual(s.Generate(450, scenarios.Listed), thrice) {
			t.Fatal("the same point differs")
		}
		scenarios.CheckTogether(thrice, func(i int, field, format string, args ...any) {
			t.Errorf("%s/%s: %s: %s", thrice[i].Namespace, thrice[i].Name, field, fmt.Sprintf(format, args...))
		})
		var seen names
		for k := range 3 {
			var own names
			for i, v := range thrice[150*k : 150*(k+1)] {
				v.Check(func(field, format string, args ...any) {
					t.Errorf("%s/%s: %s: %s", v.Namespace, v.Name, field, fmt.Sprintf(format, args...))
				})
				own.same(t, &once[i], &v)
			}
			seen.apart(t, &own)
		}
		one, three := s.State(150, scenarios.Listed), s.State(450, scenarios.Listed)
		if err := three.Check(); err != nil {
			t.Error(err)
		}
		if len(three.Services) != 3*len(one.Services) || len(three.Unserved) != 3*len(one.Unserved) {
			t.Errorf("%d and %d of three copies, %d and %d of one", len(three.Services), len(three.Unserved), len(one.Services), len(one.Unserved))
		}
		placed, err := scenarios.Place(three)
		if err != nil {
			t.Fatal(err)
		}
		if err := placed.Check(); err != nil {
			t.Error(err)
		}
	}
}

// names are what a copy has of its own, by what it stands for in the list.
type names struct {
	namespaces map[string]string
	addrs      map[string]netip.Addr
	ports      map[uint16]uint16
}

// same compares a copy of a Service with the Service.
func (n *names) same(t *testing.T, want, got *scenarios.Service) {
	t.Helper()
	if n.addrs == nil {
		*n = names{map[string]string{}, map[string]netip.Addr{}, map[uint16]uint16{}}
	}
	c := *got
	address := func(kind string, of *netip.Addr, old netip.Addr) {
		key := kind + old.String()
		if a, ok := n.addrs[key]; ok && a != *of {
			t.Errorf("%s is %s and %s", key, a, *of)
		}
		n.addrs[key], *of = *of, old
	}
	port := func(of *uint16, old uint16) {
		if (*of == 0) != (old == 0) || n.ports[old] != 0 && n.ports[old] != *of {
			t.Errorf("node port %d is %d and %d", old, n.ports[old], *of)
		}
		n.ports[old], *of = *of, old
	}
	if old, ok := n.namespaces[want.Namespace]; ok && old != got.Namespace {
		t.Errorf("namespace %s is %s and %s", want.Namespace, old, got.Namespace)
	}
	n.namespaces[want.Namespace], c.Namespace = got.Namespace, want.Namespace
	c.ClusterIPs, c.ExternalIPs, c.Ingress, c.Ports, c.Endpoints = slices.Clone(c.ClusterIPs), slices.Clone(c.ExternalIPs), slices.Clone(c.Ingress), slices.Clone(c.Ports), slices.Clone(c.Endpoints)
	for i := range c.ClusterIPs {
		address("vip", &c.ClusterIPs[i], want.ClusterIPs[i])
	}
	for i := range c.ExternalIPs {
		address("outside", &c.ExternalIPs[i], want.ExternalIPs[i])
	}
	for i := range c.Ingress {
		address("outside", &c.Ingress[i].Addr, want.Ingress[i].Addr)
	}
	for i := range c.Ports {
		port(&c.Ports[i].NodePort, want.Ports[i].NodePort)
	}
	port(&c.HealthCheckNodePort, want.HealthCheckNodePort)
	for i := range c.Endpoints {
		c.Endpoints[i].Endpoints = slices.Clone(c.Endpoints[i].Endpoints)
		for j := range c.Endpoints[i].Endpoints {
			address("pod", &c.Endpoints[i].Endpoints[j].Addr, want.Endpoints[i].Endpoints[j].Addr)
		}
	}
	if !reflect.DeepEqual(c, *want) {
		t.Errorf("got  %+v\nwant %+v", c, *want)
	}
}

// apart adds what another copy has, which nobody had.
func (n *names) apart(t *testing.T, own *names) {
	t.Helper()
	if n.addrs == nil {
		*n = names{map[string]string{}, map[string]netip.Addr{}, map[uint16]uint16{0: 0}}
	}
	for _, v := range own.namespaces {
		if _, taken := n.namespaces[v]; taken {
			t.Errorf("namespace %s is there twice", v)
		}
		n.namespaces[v] = v
	}
	for _, a := range own.addrs {
		if _, taken := n.addrs[a.String()]; taken {
			t.Errorf("%s is there twice", a)
		}
		n.addrs[a.String()] = a
	}
	for _, p := range own.ports {
		if _, taken := n.ports[p]; taken && p != 0 {
			t.Errorf("node port %d is there twice", p)
		}
		n.ports[p] = p
	}
}

// A copy's namespace is a DNS label that nobody else has.
func TestTimesNamespaces(t *testing.T) {
	long := strings.Repeat("n", 60)
	var list []scenarios.Service
	for i, ns := range []string{"shop", "shop-x2", long + "aaa", long + "bbb", long + "-x2"} {
		list = append(list, scenarios.Service{Namespace: ns, Name: "a", Type: scenarios.ClusterIP, Ports: []scenarios.Port{{Protocol: "TCP", Port: uint16(80 + i)}}})
	}
	s := listed(list)
	var got []string
	for _, v := range s.Generate(10, scenarios.Listed)[5:] {
		got = append(got, v.Namespace)
	}
	want := []string{"shop-1-x2", "shop-x2-x2", long[:58] + "-1-x2", long[:58] + "-2-x2", long[:58] + "-3-x2"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTimesMistakes(t *testing.T) {
	const head = "apiVersion: svcmark/v1\nkind: Scenario\nmetadata: {name: t}\nbackends: [direct]\nmeasure: [sync]\n"
	const web = "namespace: a, name: b, type: NodePort, clusterIPs: [10.96.0.1], ports: [{port: 80, nodePort: 30000}]"
	for _, c := range []struct{ rest, want string }{
		{"services: {times: 0, list: [{" + web + "}]}", "6:19: services.times: is 0; want 1 to 1000000"},
		{"services: {times: [], list: [{" + web + "}]}", "6:19: services.times: is empty; want at least one number"},
		{"services: {times: [2, 2], list: [{" + web + "}]}", "6:23: services.times[1]: 2 is given twice; keep one"},
		{"services: {times: x, list: [{" + web + "}]}", `6:19: services.times: is the text "x"; want a number, or a list of numbers`},
		{"services: {times: [1, 2], count: 5, endpoints: 3}", "6:19: services.times: goes with a list of Services alone; of those that are generated services.count says how many"},
		{"services: {times: 2769, list: [{" + web + "}]}", "6:19: services.times: the copies' 2768 node ports are more than the 2767 that are left of 30000 to 32767; want fewer copies"},
		{"services: {times: [1, 254], list: [{" + web + "}]}\nnetwork: {serviceCIDR: 10.96.0.0/24}", "6:23: services.times[1]: the copies' 253 ClusterIPs do not fit into serviceCIDR 10.96.0.0/24, with room for 252 more; want fewer copies, or a wider range"},
		{"services: {times: 2, list: [{namespace: a, name: b, clusterIPs: ['fd00::1'], ports: [{port: 80}]}]}", "6:19: services.times: the copies' 1 ClusterIPs do not fit into a serviceCIDR without a range of IPv6, with room for 0 more; want fewer copies, or a wider range"},
		{"services: {times: 2, list: [{" + web + ", externalIPs: [1.2.3.4]}]}\nnetwork: {serviceCIDR: 198.16.0.0/12}", "6:19: services.times: the copies' 1 addresses outside do not fit into the ranges that the lab has for them, with room for 0 more; want fewer copies, or a wider range"},
	} {
		_, err := scenarios.Parse("t.yaml", []byte(head+c.rest+"\n"), scenarios.Known{})
		if err == nil || err.Error() != "t.yaml:"+c.want {
			t.Errorf("%s\ngot  %v\nwant t.yaml:%s", c.rest, err, c.want)
		}
	}
	s := listed(scenariotest.Services(rand.New(rand.NewPCG(1, 1)), 20))
	got, err := s.With(scenarios.Overrides{Times: []int{1, 4}}, scenarios.Known{})
	if err != nil || fmt.Sprint(got.Points()) != "[{direct 20 -1} {direct 80 -1}]" || s.Services.Times != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err = got.With(scenarios.Overrides{Times: []int{1}}, scenarios.Known{}); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("once is said in two ways: %+v, %v", got, err)
	}
	if _, err := s.With(scenarios.Overrides{Times: []int{0}}, scenarios.Known{}); err == nil || err.Error() != "--times: is 0; want 1 to 50000" {
		t.Errorf("got %v", err)
	}
}
