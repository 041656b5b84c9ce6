package cluster_test

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/cluster"
	"github.com/svcmark/svcmark/scenarios"
)

// Objects as an API server gives them, with fields that nobody reads.
const (
	webService = `{"apiVersion":"v1","kind":"Service","metadata":{"namespace":"shop","name":"web","uid":"1","creationTimestamp":"2026-01-01T00:00:00Z"},
		"spec":{"type":"LoadBalancer","clusterIP":"10.96.0.9","clusterIPs":["10.96.0.9","fd00:60::9"],"ipFamilies":["IPv4","IPv6"],"ipFamilyPolicy":"PreferDualStack",
		"ports":[{"name":"http","protocol":"TCP","port":80,"targetPort":"web","nodePort":30080,"appProtocol":"http"},{"name":"dns","protocol":"UDP","port":53,"targetPort":5353,"nodePort":30053}],
		"selector":{"app":"web"},"externalIPs":["203.0.113.1"],"loadBalancerSourceRanges":[" 10.1.2.3/8 "],"externalTrafficPolicy":"Local","internalTrafficPolicy":"Local",
		"healthCheckNodePort":30081,"sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":600}},"allocateLoadBalancerNodePorts":true},
		"status":{"loadBalancer":{"ingress":[{"hostname":"lb.example"},{"ip":"198.51.100.1","ipMode":"VIP"},{"ip":"198.51.100.2","ipMode":"Proxy"},{"ip":"198.51.100.3"}]},"conditions":[]}}`
	webSlice = `{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"namespace":"shop","name":"web-x7k2p","labels":{"kubernetes.io/service-name":"web"}},
		"addressType":"IPv4","ports":[{"name":"http","protocol":"TCP","port":8080},{"name":"dns","protocol":"UDP","port":5353},{"port":1},{"name":"any"}],
		"endpoints":[{"addresses":["10.128.0.1","10.128.0.2"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"n1","zone":"a","targetRef":{"kind":"Pod"},
		"hints":{"forZones":[{"name":"a"},{"name":"b"}],"forNodes":[{"name":"n1"}]}},{"addresses":["10.128.0.3"],"conditions":{"ready":false,"serving":true,"terminating":true}},{"addresses":["10.128.0.4"],"conditions":{}},
		{"addresses":["10.128.0.5"],"conditions":{"ready":false,"serving":false}}]}`
	aNode = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","labels":{"topology.kubernetes.io/zone":"a"}},"spec":{"podCIDR":"10.128.0.0/24","podCIDRs":["10.128.0.0/24","fd00:80::/64"],"taints":[]},
		"status":{"addresses":[{"type":"ExternalIP","address":"203.0.113.99"},{"type":"InternalIP","address":"192.168.1.1"},{"type":"InternalIP","address":"fd00::1"},{"type":"Hostname","address":"n1"}],"capacity":{"cpu":"4"}}}`
)

var (
	webWant = scenarios.Service{
		Namespace: "shop", Name: "web", Type: scenarios.LoadBalancer,
		ClusterIPs:  []netip.Addr{netip.MustParseAddr("10.96.0.9"), netip.MustParseAddr("fd00:60::9")},
		Ports:       []scenarios.Port{{Name: "http", Protocol: "TCP", Port: 80, NodePort: 30080}, {Name: "dns", Protocol: "UDP", Port: 53, NodePort: 30053}},
		ExternalIPs: []netip.Addr{netip.MustParseAddr("203.0.113.1")},
		Ingress: []scenarios.Ingress{
			{Addr: netip.MustParseAddr("198.51.100.1")}, {Addr: netip.MustParseAddr("198.51.100.2"), Proxy: true}, {Addr: netip.MustParseAddr("198.51.100.3")},
		},
		SourceRanges:  []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8")},
		InternalLocal: true, ExternalLocal: true, AffinitySeconds: 600, HealthCheckNodePort: 30081,
		Endpoints: []scenarios.Subset{{
			Ports: []scenarios.TargetPort{{Name: "http", Protocol: "TCP", Port: 8080}, {Name: "dns", Protocol: "UDP", Port: 5353}},
			Endpoints: []scenarios.Endpoint{
				{Addr: netip.MustParseAddr("10.128.0.1"), Node: "n1", Zones: []string{"a", "b"}, Nodes: []string{"n1"}},
				{Addr: netip.MustParseAddr("10.128.0.3"), NotReady: true, Terminating: true},
				{Addr: netip.MustParseAddr("10.128.0.4")},
				{Addr: netip.MustParseAddr("10.128.0.5"), NotReady: true, NotServing: true},
			},
		}},
	}
	nodeWant = cluster.Node{
		Name: "n1", Zone: "a", Addrs: []netip.Addr{netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("fd00::1")},
		PodCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/24"), netip.MustParsePrefix("fd00:80::/64")},
	}
)

// Whatever the objects come in, they are the same cluster.
func TestReadForms(t *testing.T) {
	untyped := func(object string) string {
		return strings.NewReplacer(`"apiVersion":"v1","kind":"Service",`, "", `"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice",`, "", `"apiVersion":"v1","kind":"Node",`, "").Replace(object)
	}
	for name, in := range map[string]string{
		"kubectl's List":      `{"apiVersion":"v1","items":[` + webService + `,` + webSlice + `,` + aNode + `],"kind":"List","metadata":{"resourceVersion":""}}`,
		"a stream":            aNode + webSlice + "\n" + webService,
		"an array":            `[` + webService + `,` + webSlice + `,` + aNode + `]`,
		"a document":          `{"services":[` + untyped(webService) + `],"endpointSlices":[` + untyped(webSlice) + `],"nodes":[` + untyped(aNode) + `]}`,
		"typed lists":         `{"kind":"ServiceList","apiVersion":"v1","metadata":{},"items":[` + untyped(webService) + `]}{"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","items":[` + untyped(webSlice) + `]}{"kind":"NodeList","items":[` + untyped(aNode) + `]}`,
		"a List and a stream": `{"items":[` + webService + `],"kind":"List"}` + webSlice + aNode,
		"empty lists, too":    `{"services":null,"endpointSlices":[` + webSlice + `]}{"kind":"List","items":[]}[]` + webService + aNode,
	} {
		c, err := cluster.Read(strings.NewReader(in), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(c.Services, []scenarios.Service{webWant}) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, c.Services, webWant)
		}
		if !reflect.DeepEqual(c.Nodes, []cluster.Node{nodeWant}) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, c.Nodes, nodeWant)
		}
		if len(c.PassedOver) > 0 {
			t.Errorf("%s: passed over %v", name, c.PassedOver)
		}
	}
}

// What kube-proxy pays no heed to is counted, and serves nobody.
func TestReadPassesOver(t *testing.T) {
	slice := func(name, labels, kind, address string) string {
		return fmt.Sprintf(`{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"namespace":"shop","name":%q,"labels":{%s}},"addressType":%q,"ports":[{"name":"http","port":1}],"endpoints":[{"addresses":[%q]}]}`, name, labels, kind, address)
	}
	const of = `"kubernetes.io/service-name":"web"`
	c, err := cluster.Read(strings.NewReader(webService+
		slice("fqdn", of, "FQDN", "host.example")+
		slice("headless", of+`,"service.kubernetes.io/headless":""`, "IPv4", "10.0.0.1")+
		slice("nobodys", "", "IPv4", "10.0.0.1")+
		slice("gone", `"kubernetes.io/service-name":"gone"`, "IPv4", "10.0.0.1")+
		`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"ports":"not a Service's"}}`+
		`{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"web"},"spec":{"template":{}}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"EndpointSlices of host names": 1, "EndpointSlices of headless Services": 1, "EndpointSlices of no Service": 1,
		"EndpointSlices without the label kubernetes.io/service-name": 1, "objects of kind Pod": 1, "objects of kind Service (serving.knative.dev/v1)": 1,
	}
	if !reflect.DeepEqual(c.PassedOver, want) {
		t.Errorf("got  %v\nwant %v", c.PassedOver, want)
	}
	if len(c.Services) != 1 || c.Services[0].Endpoints != nil {
		t.Errorf("got %+v", c.Services)
	}
}

// Fields that are not set are what the API sets them to.
func TestReadDefaults(t *testing.T) {
	c, err := cluster.Read(strings.NewReader(`{"services":[
		{"metadata":{"namespace":"a","name":"b"},"spec":{"clusterIP":"10.96.0.1","ports":[{"port":80}],"sessionAffinity":"ClientIP"}},
		{"metadata":{"namespace":"a","name":"c"},"spec":{"clusterIP":"None"}},
		{"metadata":{"namespace":"a","name":"d","labels":{"service.kubernetes.io/service-proxy-name":""}},"spec":{"clusterIP":"10.96.0.2","ports":[{"port":80}]}},
		{"metadata":{"namespace":"a","name":"e"},"spec":{"type":"ExternalName","externalName":"db.example."}}
	],"endpointSlices":[{"metadata":{"namespace":"a","name":"b-1","labels":{"kubernetes.io/service-name":"b"}},"addressType":"IPv4","ports":[{"name":"","port":8080}],"endpoints":[{"addresses":["10.0.0.1"]}]}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	ip := func(s string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(s)} }
	port := []scenarios.Port{{Protocol: "TCP", Port: 80}}
	want := []scenarios.Service{
		{Namespace: "a", Name: "b", Type: scenarios.ClusterIP, ClusterIPs: ip("10.96.0.1"), Ports: port, AffinitySeconds: 10800, Endpoints: []scenarios.Subset{{
			Ports: []scenarios.TargetPort{{Protocol: "TCP", Port: 8080}}, Endpoints: []scenarios.Endpoint{{Addr: ip("10.0.0.1")[0]}},
		}}},
		{Namespace: "a", Name: "c", Type: scenarios.ClusterIP},
		{Namespace: "a", Name: "d", Type: scenarios.ClusterIP, ClusterIPs: ip("10.96.0.2"), Ports: port, OtherProxy: true},
		{Namespace: "a", Name: "e", Type: scenarios.ExternalName},
	}
	if !reflect.DeepEqual(c.Services, want) {
		t.Errorf("got  %+v\nwant %+v", c.Services, want)
	}
}

// What the API would refuse is refused by object and field, each in a message of
// its own.
func TestReadRefuses(t *testing.T) {
	service := func(spec string) string {
		return `{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"a","name":"b"},"spec":{` + spec + `}}`
	}
	const ok = `"clusterIP":"10.96.0.1","ports":[{"port":80}]`
	slice := func(rest string) string {
		return `{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"namespace":"a","name":"b-1","labels":{"kubernetes.io/service-name":"b"}},` + rest + `}`
	}
	for _, c := range []struct{ in, want string }{
		{`{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"a\"","name":"b\nc"},"spec":{` + ok + `}}`,
			`Service "a\"/b\nc" (at byte 0): metadata.namespace: "a\"" is no DNS label; want 1 to 63 of a-z, 0-9 and -, with no - at the ends` + "\n" +
				`Service "a\"/b\nc" (at byte 0): metadata.name: "b\nc" is no DNS label; want 1 to 63 of a-z, 0-9 and -, with no - at the ends`},
		{service(`"type":"Magic",` + ok), `spec.type: "Magic" is no type of Service; want ClusterIP, NodePort, LoadBalancer or ExternalName`},
		{service(`"clusterIP":"10.96.0.1"`), "spec.ports: is empty; want at least one port"},
		{service(`"clusterIP":"10.96.0.1","ports":[{"port":0}]`), "spec.ports[0].port: is 0; want 1 to 65535"},
		{service(`"clusterIP":"10.96.0.1","ports":[{"port":65536}]`), "spec.ports[0].port: is 65536; want 1 to 65535"},
		{service(`"clusterIP":"10.96.0.1","ports":[{"port":99999999999999999999}]`), "spec.ports[0].port: is 99999999999999999999; want a whole number of 32 bits"},
		{service(`"clusterIP":"10.96.0.1","ports":[{"port":"80"}]`), `spec.ports[0].port: is a string; want a whole number of 32 bits`},
		{service(`"clusterIP":"10.96.0.1","ports":[{"port":80,"protocol":"tcp"}]`), `spec.ports[0].protocol: "tcp" is no protocol; want TCP, UDP or SCTP`},
		{service(`"clusterIP":"10.96.0.1","ports":[{"port":80,"nodePort":30000}]`), "spec.ports[0].nodePort: a Service of type ClusterIP has no nodePort"},
		{service(`"clusterIP":"10.96.0.1","ports":[{"name":"x","port":80},{"name":"x","port":81}]`), `spec.ports[1].name: "x" is given twice`},
		{service(`"clusterIP":"10.96.0.1","ports":[{"name":"x","port":80},{"name":"y","port":80}]`), `spec.ports[1].port: 80/"TCP" is given twice`},
		{service(`"clusterIP":"10.96.0.1 -j ACCEPT","ports":[{"port":80}]`), `spec.clusterIPs[0]: "10.96.0.1 -j ACCEPT" is no IP address`},
		{service(`"clusterIP":"010.96.0.1","ports":[{"port":80}]`), `spec.clusterIPs[0]: "010.96.0.1" is no IP address`},
		{service(`"clusterIP":"::ffff:10.96.0.1","ports":[{"port":80}]`), "spec.clusterIPs[0]: ::ffff:10.96.0.1 is an IPv4 address in IPv6 clothes; want 10.96.0.1"},
		{service(`"clusterIP":"10.96.0.1","clusterIPs":["10.96.0.2"],"ports":[{"port":80}]`), `spec.clusterIPs[0]: "10.96.0.2" is not spec.clusterIP`},
		{service(`"clusterIPs":["10.96.0.1"],"ipFamilies":["IPv6"],"ports":[{"port":80}]`), "spec.ipFamilies[0]: is IPv6; spec.clusterIPs[0] is 10.96.0.1"},
		{service(ok + `,"externalIPs":["127.0.0.1"]`), "spec.externalIPs[0]: 127.0.0.1 is a loopback address"},
		{service(ok + `,"loadBalancerSourceRanges":["10.0.0.0/8"]`), "spec.loadBalancerSourceRanges: only a Service of type LoadBalancer has source ranges"},
		{service(ok + `,"type":"LoadBalancer","loadBalancerSourceRanges":["10.0.0.0/33"]`), `spec.loadBalancerSourceRanges[0]: "10.0.0.0/33" is no address range`},
		{service(ok + `,"externalTrafficPolicy":"local"`), `spec.externalTrafficPolicy: is "local"; want Cluster or Local`},
		{service(ok + `,"type":"LoadBalancer","externalTrafficPolicy":"Local"`), "spec.healthCheckNodePort: is missing; a LoadBalancer with externalTrafficPolicy Local has one"},
		{service(ok + `,"sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":86401}}`), "spec.sessionAffinityConfig.clientIP.timeoutSeconds: is 86401; want 1 to 86400"},
		{service(`"type":"ExternalName","externalName":"no name"`), `spec.externalName: "no name" is no DNS name`},
		{service(ok) + service(ok), "metadata.name: the Service is given twice, first at byte 0"},
		{service(ok) + `{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"a","name":"c"},"spec":{` + ok + `}}`, "Service a/c (at byte 131): spec.clusterIPs[0]: 10.96.0.1 belongs to the Service \"a/b\", too"},
		{`{"metadata":{"name":"x"}}`, "object x (at byte 0): kind: is missing; want Service, EndpointSlice or Node"},
		{`{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1beta1"}`, "apiVersion: is discovery.k8s.io/v1beta1; want discovery.k8s.io/v1"},
		{slice(`"addressType":"IPv5"`), `addressType: is "IPv5"; want IPv4, IPv6 or FQDN`},
		{slice(`"addressType":"IPv4","endpoints":[{"addresses":["fd00::1"]}]`), `endpoints[0].addresses: "fd00::1" is no IPv4 address`},
		{slice(`"addressType":"IPv4","endpoints":[{"addresses":[]}]`), `endpoints[0].addresses: is empty; want at least one address`},
		{slice(`"addressType":"IPv4","endpoints":[{"addresses":["169.254.1.1"]}]`), "endpoints[0].addresses: 169.254.1.1 is a link-local address"},
		{slice(`"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"nodeName":"a b"}]`), `endpoints[0].addresses: the node's name "a b" is no DNS subdomain`},
		{slice(`"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"hints":{"forZones":[{"name":"a\"b"}]}}]`), `endpoints[0].addresses: the hinted zone "a\"b" is no label's value`},
		{slice(`"addressType":"IPv4","ports":[{"name":"A","port":1}]`), `ports[0].name: "A" is no DNS label`},
		{slice(`"addressType":"IPv4","ports":[{"port":1},{"name":"a","port":65536}]`), `ports[1].port: is 65536; want 1 to 65535`},
		{`{"kind":"Node","apiVersion":"v1","metadata":{"name":"N"}}`, `Node N (at byte 0): metadata.name: "N" is no DNS subdomain`},
		{`{"kind":"Node","apiVersion":"v1","metadata":{"name":"n"},"spec":{"podCIDRs":["x"]},"status":{"addresses":[{"type":"InternalIP","address":"x"}]}}`, `spec.podCIDRs[0]: "x" is no address range`},
	} {
		_, err := cluster.Read(strings.NewReader(c.in), nil)
		var mistakes *cluster.Mistakes
		if !errors.As(err, &mistakes) {
			t.Errorf("%s\ngot %v", c.in, err)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot  %v\nwant %s", c.in, err, c.want)
		}
		if n := len(mistakes.First); n > 2 || n == 2 && !strings.Contains(c.want, "\n") && !strings.Contains(c.want, "podCIDRs") {
			t.Errorf("%s\n%d mistakes: %v", c.in, n, err)
		}
	}
}

// A broken input says where it broke, and behind what.
func TestReadBroken(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "holds no object; want what kubectl get services,endpointslices,nodes -A -o json prints"},
		{" \n", "holds no object; want what kubectl get services,endpointslices,nodes -A -o json prints"},
		{`{"items":[]}`, "holds no object; want what kubectl get services,endpointslices,nodes -A -o json prints"},
		{"5", "at byte 1: want an object, not a number; no object came before"},
		{`{"items":5}`, "at byte 10: want an array of objects, not a number; no object came before"},
		{`{"kind":"Service","items":[]}`, "at byte 29: the Service that starts at byte 0 holds others as a List does; no object came before"},
		{`{"items":[` + webService, fmt.Sprintf("the input ends in the middle, at byte %d; the last whole object is Service shop/web", len(webService)+10)},
		{`{"items":[` + webService[:200], "the input ends in the middle, at byte 210; no object came before"},
		{webService + "\x1f\x8b\x00", fmt.Sprintf("at byte %d: is not the JSON that it should be: invalid character '\\x1f' at start of value; the last whole object is Service shop/web", len(webService))},
		{`{"kind":"Service","kind":"Node"}`, `at byte 18: is not the JSON that it should be: duplicate object member name; no object came before`},
		{"{\"kind\":\"\xff\"}", "at byte 9: is not the JSON that it should be: invalid UTF-8; no object came before"},
		{strings.Repeat(`[`, 20_000), "is not the JSON that it should be"},
		{`{"spec":` + strings.Repeat(`{"a":`, 20_000), "is not the JSON that it should be: exceeded max depth"},
		{`{"kind":"` + strings.Repeat("x", 40<<20), "at byte 0: an object of more than 32 MiB; no API server holds one"},
	} {
		_, err := cluster.Read(strings.NewReader(c.in), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q\ngot  %v\nwant %s", c.in, err, c.want)
		}
	}
}

// An input that is wrong all over is told of as far as anyone reads.
func TestReadBoundsMistakes(t *testing.T) {
	_, err := cluster.Read(strings.NewReader(strings.Repeat(`{"kind":"Node","apiVersion":"v1","metadata":{"name":"N"}}`, 1000)), nil)
	if err == nil || !strings.HasSuffix(err.Error(), "and 900 more mistakes") || strings.Count(err.Error(), "\n") != 100 {
		t.Errorf("got %v", err)
	}
}

// FuzzRead: whatever the input, Read ends, and either explains itself or gives
// Services that pass every check, also of the scenario that they become.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		webService, webSlice, aNode, `{"items":[` + webService + `,` + webSlice + `],"kind":"List"}`, `{"services":[],"nodes":null}`, `[[]]`, `{"kind":"List"}`, "5",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := cluster.Read(strings.NewReader(string(data)), nil)
		if err != nil {
			for _, r := range err.Error() {
				if r < ' ' && r != '\n' || r == 0x7f {
					t.Errorf("the message holds %U: %q", r, err)
				}
			}
			return
		}
		for i := range c.Services {
			c.Services[i].Check(func(field, format string, args ...any) {
				t.Errorf("%s: %s", field, fmt.Sprintf(format, args...))
			})
		}
		view, err := c.View(cluster.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Services) == 0 {
			return
		}
		s := scenarios.Scenario{
			Metadata: scenarios.Metadata{Name: "t"}, Services: scenarios.Services{List: c.Services},
			Backends: []string{"b"}, Measure: []string{"m"}, Operations: 1, Traffic: scenarios.DefaultTraffic(), Churn: scenarios.DefaultChurn(), Network: view.Network, Node: view.Node,
		}
		if _, err := scenarios.Parse("t.yaml", s.YAML(), scenarios.Known{}); err != nil {
			t.Errorf("the scenario is refused: %v\n%s", err, s.YAML())
		}
	})
}
