package claims

import "github.com/svcmark/svcmark/report/stats"

// beside is what a source gives figures of, and where the same is measured.
type beside struct {
	title string
	what  string // that is drawn, in a few words
	foot  string // what has to be known to read it
	// Curves over Services, the first of which is what all are relative to.
	curves []curve
	// Or the ratio of two at a size, both on one scale, or of one to the Services.
	bars []bar
	of   where
	by   *where
	unit string // of bars
}

// curve is one backend's figures.
type curve struct {
	of        where
	theirs    string // what the source calls it
	published []stats.Point
	unit      string // of them
	rate      bool   // they are rates, whose inverse a cost is
}

// bar is one published figure.
type bar struct {
	name  string
	value float64
}

func at(services, value float64) stats.Point { return stats.Point{X: services, Y: value} }

func publishedSyncs() *beside {
	return &beside{
		title: "A full sync by iptables and by IPVS", what: "cost of a full sync",
		curves: []curve{
			{of: syncOf("iptables-legacy"), theirs: "iptables", unit: "ms", published: []stats.Point{at(1000, 200), at(10000, 5000)}},
			{of: syncOf("ipvs"), theirs: "IPVS", unit: "ms", published: []stats.Point{at(1000, 20), at(10000, 100)}},
		},
	}
}

func publishedRules() *beside {
	return &beside{
		title: "Rules of iptables for a Service of 3 endpoints", what: "rules a Service", unit: " rules",
		foot: "Published: 15,000 rules for 5,000 Services.",
		bars: []bar{{"published, at 5,000", 3}}, of: ruleObjects(),
	}
}

func publishedCalls() *beside {
	return &beside{
		title: "Rules that are added one by one", what: "cost of all rules",
		foot:   "Published: 8 rules a Service. Measured: a sync of the userspace mode, which calls iptables for every rule, too.",
		curves: []curve{{of: ruleByRule(), theirs: "iptables -A", unit: "s", published: []stats.Point{at(1, 0.002), at(5000, 11*60), at(20000, 5*3600)}}},
	}
}

func publishedChanges() *beside {
	return &beside{
		title: "One more Service", what: "cost of one more Service",
		foot: "Measured of iptables: everything written anew, as it was then. A partial sync of today costs less.",
		curves: []curve{
			{of: syncOf("iptables-legacy"), theirs: "iptables", unit: "ms", published: []stats.Point{
				at(1, 77), at(100, 100), at(500, 491), at(1000, 1302), at(2000, 2662), at(5000, 6547), at(10000, 9491), at(15000, 15125), at(20000, 20000),
			}},
			{of: oneMore("ipvs"), theirs: "IPVS", unit: "ms", published: []stats.Point{
				at(1, 0.8), at(100, 0.85), at(500, 0.85), at(1000, 0.85), at(2000, 0.90), at(5000, 0.90), at(10000, 0.97), at(15000, 1.0), at(20000, 1.52),
			}},
		},
	}
}

func publishedCores() *beside {
	by := cores("ipvs", "short")
	return &beside{
		title: "Processor time of new connections, iptables by IPVS", what: "iptables by IPVS", unit: " x",
		foot: "Published: 35 % and 8 % of a core, 1,000 connections a second. Measured: the whole node, client and endpoints included.",
		bars: []bar{{"published, at 10,000", 35.0 / 8}}, of: cores("iptables-legacy", "short"), by: &by,
	}
}

func publishedPackets() *beside {
	return &beside{
		title: "A connection's first packet", what: "cost of a first packet",
		foot: "Published: p50 of the latency. Measured: all of connect(2), whose fixed part makes curves flatter.",
		curves: []curve{
			{of: firstPacket("iptables-legacy"), theirs: "iptables", unit: "µs", published: []stats.Point{at(5000, 49), at(10000, 63), at(30000, 274)}},
			{of: firstPacket("nftables"), theirs: "nftables", unit: "µs", published: []stats.Point{at(5000, 14.2), at(10000, 14.2), at(30000, 14.4)}},
		},
	}
}

func publishedLatency() *beside {
	by := oneMore("iptables-legacy")
	return &beside{
		title: "Full by partial syncs of iptables", what: "full by partial syncs", unit: " x",
		foot: "Published: p50 of the time until a change is effective in a cluster of 5,000 nodes. Measured: the sync alone, on one node.",
		bars: []bar{{"published, cluster", 27.0 / 13}}, of: syncOf("iptables-legacy"), by: &by,
	}
}

func publishedPartial() *beside {
	by := oneMore("nftables")
	return &beside{
		title: "One more Service in nftables: a full by a partial sync", what: "full by partial syncs", unit: " x",
		bars: []bar{{"published, at 10,000", 8 * 60 / 0.141}}, of: syncOf("nftables"), by: &by,
	}
}

func publishedRestarts() *beside {
	by := restartOf("iptables-legacy")
	return &beside{
		title: "A restart, nftables by iptables", what: "nftables by iptables", unit: " x",
		bars: []bar{{"published, at 10,000", 194.0 / 40}}, of: restartOf("nftables"), by: &by,
	}
}

func publishedRates() *beside {
	return &beside{
		title: "A short connection in iptables and in eBPF", what: "cost of a short connection",
		foot: "Published: the inverse of connections a second. ebpf-tc is a reference for the approach.",
		curves: []curve{
			{of: connection("iptables-legacy", "short"), theirs: "iptables", unit: "connections/s", rate: true, published: []stats.Point{at(0, 31365), at(5000, 22237), at(10000, 17261), at(20000, 12916), at(30000, 9057)}},
			{of: connection("ebpf-tc", "short"), theirs: "eBPF (Cilium)", unit: "connections/s", rate: true, published: []stats.Point{at(0, 13826), at(5000, 12774), at(10000, 11895), at(20000, 11815), at(30000, 10286)}},
		},
	}
}

func publishedVariant() *beside {
	by := syncOf("iptables-legacy")
	return &beside{
		title: "A full sync, iptables-nft by iptables-legacy", what: "iptables-nft by iptables-legacy", unit: " x",
		foot: "Published: 5 to 7 x at 877 Services.",
		bars: []bar{{"published, least", 5}, {"published, most", 7}}, of: syncOf("iptables-nft"), by: &by,
	}
}
