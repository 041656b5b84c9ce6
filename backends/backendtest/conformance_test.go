package backendtest_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/backendtest"
	"github.com/svcmark/svcmark/backends/direct"
	"github.com/svcmark/svcmark/backends/ebpf/socket"
	"github.com/svcmark/svcmark/backends/ebpf/tc"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/backends/userspace"
	"github.com/svcmark/svcmark/lab/labtest"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == userspace.Verb {
		if err := userspace.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	labtest.Main(m)
}

// TestConformance runs the suite over every backend, made as the registry makes
// it, and over what the registry leaves to options. A new one is a line here.
func TestConformance(t *testing.T) {
	for _, b := range []struct {
		name   string
		fresh  func() backends.Backend
		expect backendtest.Expectations
	}{
		{"direct", func() backends.Backend { return direct.Backend{} }, backendtest.Expectations{}},
		{"ebpf-socket", func() backends.Backend { return socket.New() }, ebpfExpectations()},
		{"ebpf-tc", func() backends.Backend { return tc.New(tc.Random) }, tcExpectations()},
		{"ebpf-tc-maglev", func() backends.Backend { return tc.New(tc.Maglev) }, tcExpectations()},
		{"iptables-legacy", func() backends.Backend { return iptables.New(iptables.Legacy) }, iptablesExpectations(iptables.Legacy)},
		{"iptables-nft", func() backends.Backend { return iptables.New(iptables.NFT) }, iptablesExpectations(iptables.NFT)},
		{"ipvs", func() backends.Backend { return ipvs.New(ipvs.Options{Iptables: "iptables-legacy"}) }, ipvsExpectations("iptables-legacy")},
		{"ipvs/iptables-nft", func() backends.Backend { return ipvs.New(ipvs.Options{Iptables: "iptables-nft"}) }, ipvsExpectations("iptables-nft")},
		{"ipvs/kube-proxy", func() backends.Backend { return ipvs.New(ipvs.Options{Path: ipvs.KubeProxy}) }, ipvsExpectations("iptables")},
		{"nftables", func() backends.Backend { return nftables.New(nftables.Layout136) }, nftablesExpectations()},
		{"nftables@1.31", func() backends.Backend { return nftables.New(nftables.Layout131) }, nftablesExpectations()},
		{"userspace", func() backends.Backend { return userspace.New() }, userspaceExpectations()},
	} {
		column, _, _ := strings.Cut(strings.TrimSuffix(b.name, "-maglev"), "/") // a variant has its backend's
		b.expect.Column = backendtest.Column(column)
		t.Run(b.name, func(t *testing.T) { backendtest.Run(t, b.fresh, b.expect) })
	}
}
