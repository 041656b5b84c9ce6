package nftables

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// The names are those of kube-proxy's own tests.
func TestNames(t *testing.T) {
	svc1 := &backends.ServicePort{Namespace: "ns1", Name: "svc1", PortName: "p80", Protocol: backends.TCP}
	svc5 := &backends.ServicePort{Namespace: "ns5", Name: "svc5", PortName: "p80", Protocol: backends.TCP}
	at := backends.Endpoint{Addr: netip.MustParseAddrPort("10.180.0.3:80")}
	for got, want := range map[string]string{
		hashed(plainName(svc1)):            "ULMVA6XW-ns1/svc1/tcp/p80",
		hashed(plainName(svc5)):            "HVFWP5L3-ns5/svc5/tcp/p80",
		endpointName(plainName(svc5), &at): "GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestLongNamesAreCut(t *testing.T) {
	long := strings.Repeat("n", 63)
	p := &backends.ServicePort{Namespace: long, Name: long, PortName: long, Protocol: backends.SCTP}
	if name := hashed(plainName(p)); len(name) != 8+1+3*63+4+3 {
		t.Errorf("a ServicePort's name has %d characters: %s", len(name), name)
	}
	a := backends.Endpoint{Addr: netip.MustParseAddrPort("[fd00:1111:2222:3333:4444:5555:6666:7777]:65535")}
	b := backends.Endpoint{Addr: netip.MustParseAddrPort("[fd00:1111:2222:3333:4444:5555:6666:7778]:65535")}
	one, two := endpointName(plainName(p), &a), endpointName(plainName(p), &b)
	if len(one) != maxBase || !strings.HasSuffix(one, "...") || one == two {
		t.Errorf("endpoints' names %s (%d characters) and %s, want two of %d that end in dots", one, len(one), two, maxBase)
	}
}
