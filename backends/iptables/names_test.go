package iptables

import (
	"crypto/sha256"
	"encoding/base32"
	"testing"
)

// kube-proxy's own tests know this chain name.
func TestHashVector(t *testing.T) {
	if got := string(appendHash(nil, []byte("ns1/svc1:p80tcp"))); got != "XPGD46QRK7WJZT7O" {
		t.Errorf("ns1/svc1:p80 tcp: %s, want XPGD46QRK7WJZT7O", got)
	}
}

func TestHashesAreTheStartOfTheWholeEncoding(t *testing.T) {
	h := appendHashes(nil, small())
	for _, key := range []string{
		"kube-system/dns:dnsudp", "kube-system/dns:dnsudp10.160.0.1:5353",
		"ns1/svc1:p80tcp", "ns1/svc1:p80tcp10.160.0.2:8080", "ns1/svc1:p80tcp10.160.0.3:8080", "ns1/svc1:p80tcp10.192.0.1:8080",
	} {
		sum := sha256.Sum256([]byte(key))
		want := base32.StdEncoding.EncodeToString(sum[:])[:16]
		if got := string(h.next()); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if len(h) != 0 {
		t.Errorf("%d bytes of hashes are left", len(h))
	}
}
