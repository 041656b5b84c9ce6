package main

import (
	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/direct"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/runner"
)

// registry is the only place that knows every backend and every measurement.
func registry() runner.Registry {
	return runner.Registry{
		Backends: map[string]func() backends.Backend{
			"direct":          func() backends.Backend { return direct.Backend{} },
			"iptables-legacy": func() backends.Backend { return iptables.New(iptables.Legacy) },
			"iptables-nft":    func() backends.Backend { return iptables.New(iptables.NFT) },
			"ipvs":            func() backends.Backend { return ipvs.New(ipvs.Options{Iptables: "iptables-legacy"}) },
			"nftables":        func() backends.Backend { return nftables.New(nftables.Layout136) },
			"nftables@1.31":   func() backends.Backend { return nftables.New(nftables.Layout131) },
		},
		Measurements: map[string]measure.Measurement{
			"sync":        measure.Sync{},
			"firstPacket": measure.FirstPacket{},
			"roundTrip":   measure.RoundTrip{},
			"cpu":         measure.CPU{},
			"memory":      measure.Memory{},
			"objects":     measure.Objects{},
		},
	}
}
