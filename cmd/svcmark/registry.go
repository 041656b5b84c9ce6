package main

import (
	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/direct"
	"github.com/svcmark/svcmark/backends/ebpf/socket"
	"github.com/svcmark/svcmark/backends/ebpf/tc"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/backends/kubeproxy"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/backends/userspace"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/runner"
)

// registry is the only place that knows every built-in backend and every measurement.
func registry() runner.Registry {
	r := runner.Registry{
		Backends: map[string]func() backends.Backend{
			"direct":          func() backends.Backend { return direct.Backend{} },
			"ebpf-socket":     func() backends.Backend { return socket.New() },
			"ebpf-tc":         func() backends.Backend { return tc.New(tc.Random) },
			"ebpf-tc-maglev":  func() backends.Backend { return tc.New(tc.Maglev) },
			"iptables-legacy": func() backends.Backend { return iptables.New(iptables.Legacy) },
			"iptables-nft":    func() backends.Backend { return iptables.New(iptables.NFT) },
			"ipvs":            func() backends.Backend { return ipvs.New(ipvs.Options{Iptables: "iptables-legacy"}) },
			"nftables":        func() backends.Backend { return nftables.New(nftables.Layout136) },
			"nftables@1.31":   func() backends.Backend { return nftables.New(nftables.Layout131) },
			"userspace":       func() backends.Backend { return userspace.New() },
		},
		Measurements: map[string]measure.Measurement{
			"sync":        measure.Sync{},
			"firstPacket": measure.FirstPacket{},
			"roundTrip":   measure.RoundTrip{},
			"cpu":         measure.CPU{},
			"memory":      measure.Memory{},
			"objects":     measure.Objects{},
			"partialSync": measure.PartialSync{},
			"reported":    measure.Reported{},
			"restart":     measure.Restart{},
			"cleanup":     measure.Cleanup{},

			"lockContention": measure.LockContention{},

			"conntrack":       measure.Conntrack{},
			"conntrackFull":   measure.ConntrackFull{},
			"timeToEffective": measure.TimeToEffective{},
			"churn":           measure.Churn{},

			"connectionRate": measure.ConnectionRate{},
			"cpuAtRate":      measure.CPUAtRate{},
			"throughput":     measure.Throughput{},
			"duringSync":     measure.DuringSync{},
		},
	}
	for _, s := range ipvs.Schedulers() {
		r.Backends["ipvs-"+s] = func() backends.Backend { return ipvs.New(ipvs.Options{Scheduler: s, Iptables: "iptables-legacy"}) }
	}
	return r
}

// registryWith adds the kube-proxies, each as a backend in every mode, and what a
// scenario may define.
func registryWith(programs programs) runner.Registry {
	r := registry()
	for _, p := range programs.proxies {
		for mode, o := range proxyModes() {
			o.Program = p.path
			r.Backends[p.backend(mode)] = func() backends.Backend { return kubeproxy.New(o) }
		}
	}
	r.Define, r.WorkerArgs = programs.define, programs.args()
	return r
}

// proxyModes are the modes of a kube-proxy as parts of backends' names.
func proxyModes() map[string]kubeproxy.Options {
	return map[string]kubeproxy.Options{
		"iptables-legacy": {Mode: kubeproxy.IPTables, Iptables: "iptables-legacy"},
		"iptables-nft":    {Mode: kubeproxy.IPTables, Iptables: "iptables-nft"},
		"ipvs":            {Mode: kubeproxy.IPVS},
		"nftables":        {Mode: kubeproxy.NFTables},
	}
}
