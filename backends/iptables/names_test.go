package iptables

import (
	"crypto/sha256"
	"encoding/base32"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// kube-proxy's own tests know this chain name.
func TestHashVector(t *testing.T) {
	if got := string(appendHash(nil, []byte("ns1/svc1:p80tcp"))); got != "XPGD46QRK7WJZT7O" {
		t.Errorf("ns1/svc1:p80 tcp: %s, want XPGD46QRK7WJZT7O", got)
	}
}

func TestNamesAreTheStartOfTheWholeEncoding(t *testing.T) {
	for _, p := range []backends.ServicePort{web(backends.IPv4), web(backends.IPv6)} {
		p.Protocol = backends.SCTP
		n, _ := appendNames(nil, nil, &p, p.Endpoints)
		check := func(key, got string) {
			t.Helper()
			sum := sha256.Sum256([]byte(key))
			if want := base32.StdEncoding.EncodeToString(sum[:])[:16]; got != want {
				t.Errorf("%s: %s, want %s", key, got, want)
			}
		}
		check("ns/web:httpsctp", string(n.next()[:]))
		for _, e := range p.Endpoints {
			check("ns/web:httpsctp"+e.Addr.String(), string(n.next()[:]))
			text := n.text()
			if string(text) != e.Addr.String() || string(host(text)) != e.Addr.Addr().String() {
				t.Errorf("%s: text %q, host %q", e.Addr, text, host(text))
			}
		}
		if len(n) != 0 {
			t.Errorf("%d bytes of names are left", len(n))
		}
	}
}
