//go:build kubeproxy

package backendtest_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/backendtest"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/kubeproxy"
)

// TestKubeProxy runs the suite over the real kube-proxy, which make kube-proxy
// builds: its packets are what the built-in backends' are held to.
func TestKubeProxy(t *testing.T) {
	program, err := filepath.Abs("../../bin/kube-proxy")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		column  backendtest.Column
		options kubeproxy.Options
		expect  backendtest.Expectations
	}{
		{"iptables-legacy", kubeproxy.Options{Mode: kubeproxy.IPTables, Iptables: "iptables-legacy"}, iptablesExpectations(iptables.Legacy)},
		{"iptables-nft", kubeproxy.Options{Mode: kubeproxy.IPTables, Iptables: "iptables-nft"}, iptablesExpectations(iptables.NFT)},
		{"ipvs", kubeproxy.Options{Mode: kubeproxy.IPVS}, ipvsExpectations("iptables-legacy")},
		{"nftables", kubeproxy.Options{Mode: kubeproxy.NFTables}, nftablesExpectations()},
	} {
		m.options.Program, m.expect.Column = program, m.column
		dump := m.expect.Dump
		m.expect.Dump = func(ctx context.Context) (string, error) {
			text, err := dump(ctx)
			return sortedLines(text), err
		}
		t.Run(string(m.column), func(t *testing.T) {
			backendtest.Run(t, func() backends.Backend { return kubeproxy.New(m.options) }, m.expect)
		})
	}
}
