package userspace

import (
	"bytes"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// rendered are the parts of a state, by name.
func rendered(t *testing.T, s *backends.State) map[string]string {
	t.Helper()
	parts, err := New().Render(s)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, p := range parts {
		var b strings.Builder
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		texts[p.Name] = b.String()
	}
	return texts
}

func TestRender(t *testing.T) {
	addr, endpoint := netip.MustParseAddr, netip.MustParseAddrPort
	s := &backends.State{Node: backends.Node{Name: "n", Addrs: []netip.Addr{addr("192.168.0.1"), addr("fd00:192::1")}}, Services: []backends.ServicePort{
		{Namespace: "a", Name: "web", PortName: "http", Protocol: backends.TCP, ClusterIP: addr("10.96.0.1"), Port: 80, NodePort: 30080,
			ExternalIPs: []netip.Addr{addr("192.168.0.1")}, AffinitySeconds: 60,
			Endpoints: []backends.Endpoint{{Addr: endpoint("10.128.0.1:8080")}, {Addr: endpoint("10.128.0.2:8080"), Conditions: backends.NotReady}, {Addr: endpoint("10.128.0.3:8080")}}},
		{Namespace: "b", Name: "dns", Protocol: backends.UDP, ClusterIP: addr("10.96.0.2"), Port: 53},
		{Namespace: "c", Name: "sctp", Protocol: backends.SCTP, ClusterIP: addr("10.96.0.3"), Port: 80},
		{Namespace: "d", Name: "six", Protocol: backends.TCP, ClusterIP: addr("fd00:96::1"), Port: 80, Endpoints: []backends.Endpoint{{Addr: endpoint("[fd00:10::1]:80")}}},
	}}
	got := rendered(t, s)
	want := map[string]string{
		"listeners.txt": `tcp 0.0.0.0:32768 a/web:http to 10.128.0.1:8080, 10.128.0.3:8080 affinity 60 s
tcp 192.168.0.1:80 a/web:http held
tcp 0.0.0.0:30080 a/web:http held
udp 0.0.0.0:32768 b/dns to nobody
tcp [::]:32768 d/six to [fd00:10::1]:80
`,
		"ip6tables.rules": `*nat
:KUBE-PORTALS-CONTAINER - [0:0]
:KUBE-PORTALS-HOST - [0:0]
:KUBE-NODEPORT-CONTAINER - [0:0]
:KUBE-NODEPORT-HOST - [0:0]
-I PREROUTING -m comment --comment "handle ClusterIPs; NOTE: this must be before the NodePort rules" -j KUBE-PORTALS-CONTAINER
-I OUTPUT -m comment --comment "handle ClusterIPs; NOTE: this must be before the NodePort rules" -j KUBE-PORTALS-HOST
-A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment "handle service NodePorts; NOTE: this must be the last rule in the chain" -j KUBE-NODEPORT-CONTAINER
-A OUTPUT -m addrtype --dst-type LOCAL -m comment --comment "handle service NodePorts; NOTE: this must be the last rule in the chain" -j KUBE-NODEPORT-HOST
-A KUBE-PORTALS-CONTAINER -m comment --comment d/six -p tcp -m tcp --dport 80 -d fd00:96::1 -j REDIRECT --to-ports 32768
-A KUBE-PORTALS-HOST -m comment --comment d/six -p tcp -m tcp --dport 80 -d fd00:96::1 -j DNAT --to-destination [fd00:192::1]:32768
COMMIT
*filter
:KUBE-NODEPORT-NON-LOCAL - [0:0]
-I INPUT -m comment --comment "Ensure that non-local NodePort traffic can flow" -j KUBE-NODEPORT-NON-LOCAL
COMMIT
`,
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got[name], text)
		}
	}
	if n := strings.Count(got["iptables.rules"], "\n-A KUBE-"); n != 10 || len(got) != 3 {
		t.Errorf("%d parts, and %d rules of IPv4, want 3 and 10:\n%s", len(got), n, got["iptables.rules"])
	}
}

// port is one of the proxy's, which the kernel deals out, as rules have it.
var port = regexp.MustCompile(`(--to-ports |--to-destination [0-9.]+:|-A KUBE-NODEPORT-NON-LOCAL .*--dport )\d+`)

// What is rendered is what a Sync makes of the kernel, but for the proxy's ports.
func TestRenderIsWhatSyncMakes(t *testing.T) {
	b := newBackend(t)
	s := testState(endpointOfNobody)
	saved := func() string {
		tool, err := findTool(t.Context(), backends.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, table := range []string{nat, filter} {
			out, err := exec.Command(tool.save, "-t", table).Output()
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "KUBE-") {
					all.WriteString(port.ReplaceAllString(line, "${1}PORT"))
				}
			}
		}
		return all.String()
	}
	synced(t, b, s)
	want := saved()
	if err := b.Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
	tool, err := findTool(t.Context(), backends.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	restore := exec.Command(tool.restore, "--noflush")
	restore.Stdin = bytes.NewBufferString(rendered(t, s)["iptables.rules"])
	if err := said(t.Context(), restore); err != nil {
		t.Fatal(err)
	}
	if got := saved(); got != want || strings.Count(got, "PORT\n") < 4 {
		t.Errorf("restored\n%s\nsynced\n%s", got, want)
	}
}
