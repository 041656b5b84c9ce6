package userspace

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

func TestRules(t *testing.T) {
	addr := netip.MustParseAddr
	p := &backends.ServicePort{
		Namespace: "ns", Name: "web", PortName: "http", Protocol: backends.UDP,
		ClusterIP: addr("10.96.0.1"), Port: 53, NodePort: 30053,
		ExternalIPs: []netip.Addr{addr("203.0.113.1")}, LoadBalancerIPs: []netip.Addr{addr("203.0.113.2")},
	}
	const want = `nat KUBE-PORTALS-CONTAINER -m comment --comment ns/web:http -p udp -m udp --dport 53 -d 10.96.0.1 -j REDIRECT --to-ports 40000
nat KUBE-PORTALS-HOST -m comment --comment ns/web:http -p udp -m udp --dport 53 -d 10.96.0.1 -j DNAT --to-destination 192.168.0.1:40000
nat KUBE-PORTALS-CONTAINER -m comment --comment ns/web:http -p udp -m udp --dport 53 -d 203.0.113.1 -m physdev ! --physdev-is-in -j REDIRECT --to-ports 40000
nat KUBE-PORTALS-CONTAINER -m comment --comment ns/web:http -p udp -m udp --dport 53 -d 203.0.113.1 -m addrtype --dst-type LOCAL -j REDIRECT --to-ports 40000
nat KUBE-PORTALS-HOST -m comment --comment ns/web:http -p udp -m udp --dport 53 -d 203.0.113.1 -m addrtype --dst-type LOCAL -j DNAT --to-destination 192.168.0.1:40000
nat KUBE-PORTALS-CONTAINER -m comment --comment ns/web:http -p udp -m udp --dport 53 -d 203.0.113.2 -j REDIRECT --to-ports 40000
nat KUBE-PORTALS-HOST -m comment --comment ns/web:http -p udp -m udp --dport 53 -d 203.0.113.2 -j DNAT --to-destination 192.168.0.1:40000
nat KUBE-NODEPORT-CONTAINER -m comment --comment ns/web:http -p udp -m udp --dport 30053 -j REDIRECT --to-ports 40000
nat KUBE-NODEPORT-HOST -m comment --comment ns/web:http -p udp -m udp --dport 30053 -j DNAT --to-destination 192.168.0.1:40000
filter KUBE-NODEPORT-NON-LOCAL -m comment --comment ns/web:http -p udp -m udp --dport 40000 -m state --state NEW -j ACCEPT
`
	var got strings.Builder
	for _, r := range rulesOf(p, 40000, addr("192.168.0.1")) {
		got.WriteString(r.table + " " + r.chain + " " + strings.Join(r.args, " ") + "\n")
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	p = &backends.ServicePort{Namespace: "ns", Name: "six", Protocol: backends.TCP, ClusterIP: addr("fd00::1"), Port: 80}
	rules := rulesOf(p, 40000, addr("fd00:1::1"))
	if n := len(rules); n != 2 || rules[1].args[len(rules[1].args)-1] != "[fd00:1::1]:40000" {
		t.Errorf("for IPv6: %v", rules)
	}
}

// What leads to our chains is found, whoever made it, and others' rules are not.
func TestParseSave(t *testing.T) {
	f := parseSave(nat, []byte(`*nat
:PREROUTING ACCEPT [0:0]
:KUBE-PORTALS-CONTAINER - [0:0]
:KUBE-PORTALS-CONTAINER-MINE - [0:0]
-A PREROUTING -m comment --comment "handle ClusterIPs; NOTE: this must be before the NodePort rules" -j KUBE-PORTALS-CONTAINER
-A PREROUTING -j KUBE-PORTALS-CONTAINER-MINE
-A KUBE-PORTALS-CONTAINER -d 10.96.0.1/32 -p tcp -m comment --comment "n/s" -m tcp --dport 80 -j REDIRECT --to-ports 40000
-A KUBE-PORTALS-CONTAINER-MINE -j RETURN
COMMIT
`))
	const want = `*nat
-D PREROUTING -m comment --comment "handle ClusterIPs; NOTE: this must be before the NodePort rules" -j KUBE-PORTALS-CONTAINER
-F KUBE-PORTALS-CONTAINER
-X KUBE-PORTALS-CONTAINER
COMMIT
`
	if f.removal() != want || f.chains[portalsContainer] != 1 {
		t.Errorf("found %v, removed by\n%s", f.chains, f.removal())
	}
	if none := parseSave(nat, []byte("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")); none.removal() != "" {
		t.Errorf("nothing of ours is removed by\n%s", none.removal())
	}
}
