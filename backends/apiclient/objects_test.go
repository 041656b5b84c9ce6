package apiclient

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

func servicePort(name, port, vip string, endpoints ...string) backends.ServicePort {
	at := netip.MustParseAddrPort(vip)
	p := backends.ServicePort{Namespace: "ns", Name: name, PortName: port, Protocol: backends.TCP, ClusterIP: at.Addr(), Port: at.Port()}
	for _, e := range endpoints {
		p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: netip.MustParseAddrPort(e)})
	}
	return p
}

func stateOf(ports ...backends.ServicePort) *backends.State {
	return &backends.State{
		Node:     backends.Node{Name: "n", Addrs: []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("fd00::1")}},
		Services: ports,
	}
}

// slicesText is each slice in a line: its name, its ports and its addresses.
func slicesText(o *Objects) string {
	var b strings.Builder
	for i := range o.EndpointSlices {
		s := &o.EndpointSlices[i]
		fmt.Fprintf(&b, "%s", s.Name)
		for _, p := range s.Ports {
			fmt.Fprintf(&b, " %s=%d", *p.Name, *p.Port)
		}
		for _, e := range s.Endpoints {
			b.WriteString(" " + e.Addresses[0])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Pods with the same ports share a slice, as the EndpointSlice controller has it; a
// port that leads to two ports of one pod takes two.
func TestSlices(t *testing.T) {
	o := ObjectsOf(stateOf(
		servicePort("a", "http", "10.0.0.1:80", "10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.3:9090"),
		servicePort("a", "https", "10.0.0.1:443", "10.1.0.1:8443", "10.1.0.2:8443"),
		servicePort("a", "http", "[fd00::a]:80", "[fd01::1]:8080"),
		servicePort("b", "", "10.0.0.2:80", "10.1.0.1:1", "10.1.0.1:2"),
		servicePort("c", "", "10.0.0.3:80"),
	))
	want := `a-ipv4-0 http=8080 https=8443 10.1.0.1 10.1.0.2
a-ipv4-1 http=9090 10.1.0.3
a-ipv6-2 http=8080 fd01::1
b-ipv4-0 =1 10.1.0.1
b-ipv4-1 =2 10.1.0.1
`
	if got := slicesText(o); got != want {
		t.Errorf("slices\n%swant\n%s", got, want)
	}
	if len(o.Services) != 3 || len(o.Services[0].Spec.Ports) != 2 || len(o.Services[0].Spec.ClusterIPs) != 2 {
		t.Errorf("Services %+v", o.Services)
	}
}

func TestSlicesAreSplit(t *testing.T) {
	p := servicePort("a", "", "10.0.0.1:80")
	for i := range 2*perSlice + 1 {
		p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 80)})
	}
	o := ObjectsOf(stateOf(p))
	var sizes []int
	for i := range o.EndpointSlices {
		sizes = append(sizes, len(o.EndpointSlices[i].Endpoints))
	}
	if got := fmt.Sprint(sizes); got != fmt.Sprint([]int{perSlice, perSlice, 1}) {
		t.Errorf("slices of %s endpoints", got)
	}
}

// A change of the State is a change of the objects that it touches, and of no
// others.
func TestChangeOf(t *testing.T) {
	stays := servicePort("stays", "", "10.0.0.9:80", "10.1.0.9:80")
	from := stateOf(
		servicePort("endpoint", "", "10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80"),
		servicePort("goes", "", "10.0.0.2:80", "10.1.0.1:80"),
		servicePort("port", "a", "10.0.0.3:80", "10.1.0.1:80"),
		servicePort("port", "b", "10.0.0.3:81", "10.1.0.1:81"), stays,
	)
	to := stateOf(
		servicePort("comes", "", "10.0.0.4:80", "10.1.0.1:80"),
		servicePort("endpoint", "", "10.0.0.1:80", "10.1.0.2:80"),
		servicePort("port", "a", "10.0.0.3:80", "10.1.0.1:80"), stays,
	)
	c := ChangeOf(backends.Diff(from, to))
	var got []string
	for _, s := range c.All() {
		o := s.Now
		if o == nil {
			o = s.Old
		}
		got = append(got, fmt.Sprintf("%s %t %t", o.GetName(), s.Old != nil, s.Now != nil))
	}
	want := []string{
		"comes false true", "port true true", "goes true false",
		"comes-ipv4-0 false true", "endpoint-ipv4-0 true true", "port-ipv4-0 true true", "goes-ipv4-0 true false",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the change is (old, new)\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
