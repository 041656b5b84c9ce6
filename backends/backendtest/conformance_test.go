package backendtest_test

import (
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/backendtest"
	"github.com/svcmark/svcmark/backends/direct"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// TestConformance runs the suite over every backend, made as the registry makes
// it, and over what the registry leaves to options. A new one is a line here.
func TestConformance(t *testing.T) {
	for _, b := range []struct {
		name   string
		column backendtest.Column
		fresh  func() backends.Backend
		expect backendtest.Expectations
	}{
		{"direct", backendtest.Direct, func() backends.Backend { return direct.Backend{} }, backendtest.Expectations{}},
		{"iptables-legacy", backendtest.IPTablesLegacy, func() backends.Backend { return iptables.New(iptables.Legacy) }, iptablesExpectations(iptables.Legacy)},
		{"iptables-nft", backendtest.IPTablesNFT, func() backends.Backend { return iptables.New(iptables.NFT) }, iptablesExpectations(iptables.NFT)},
		{"ipvs", backendtest.IPVS, func() backends.Backend { return ipvs.New(ipvs.Options{Iptables: "iptables-legacy"}) }, ipvsExpectations("iptables-legacy")},
		{"ipvs/iptables-nft", backendtest.IPVS, func() backends.Backend { return ipvs.New(ipvs.Options{Iptables: "iptables-nft"}) }, ipvsExpectations("iptables-nft")},
		{"ipvs/kube-proxy", backendtest.IPVS, func() backends.Backend { return ipvs.New(ipvs.Options{Path: ipvs.KubeProxy}) }, ipvsExpectations("iptables")},
	} {
		b.expect.Column = b.column
		t.Run(b.name, func(t *testing.T) { backendtest.Run(t, b.fresh, b.expect) })
	}
}
