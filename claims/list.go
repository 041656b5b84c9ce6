package claims

// The sources of several claims.
const (
	guides = "common guides to kube-proxy's modes"
	huawei = "Huawei Cloud CCE, comparison of iptables and IPVS"
)

// list is every claim, in the order of its number.
func list() []Claim {
	growth := []string{"growth"}
	load := []string{"load"}
	syncs := []string{"one-by-one", "growth"}
	return []Claim{
		{"C1", guides, "iptables finds a Service in O(n) and IPVS in O(1), as the first packet shows.", "O(n), O(1)", growth, 0, walk, nil},
		{"C2", guides, "A sync by IPVS is many times cheaper than one by iptables, and the more so the more Services there are.", "at 1,000 Services 200 ms and 20 ms, at 10,000 5 s and 100 ms: 10 x and 50 x", growth, 0, syncRatio, publishedSyncs()},
		{"C3", guides, "A sync by iptables grows linearly, and one by IPVS stays nearly constant.", "O(n), O(1)", growth, 0, syncGrowth, nil},
		{"C4", guides, "5,000 Services with 3 endpoints each are some 15,000 iptables rules.", "15,000+ rules", growth, 0, ruleCount, publishedRules()},
		{"C5", guides, "Below some 1,000 Services the difference is negligible.", "1,000 Services", growth, 0, negligible, nil},
		{"C6", guides, "An update of iptables rewrites everything under a lock, and packets are late meanwhile.", "latency spikes", []string{"during-sync"}, 0, spikes, nil},
		{"C7", huawei, "iptables suits few Services, or many short connections at a time; IPVS has the higher throughput at scale.", "", load, 5000, scaleOfConnections, nil},
		{"C8", huawei, "With IPVS a load-balancer address stands on kube-ipvs0, so that the node itself answers its own traffic to it.", "", []string{"load-balancers"}, 0, addressesOnNode, nil},
		{"C9", "Huawei, KubeCon EU 2017", "Rules that are added one by one take hours at 20,000 Services; IPVS does not get slower.", "iptables 2 ms, 11 min and 5 h at 1, 5,000 and 20,000 Services; IPVS constant", syncs, 300, oneByOne, publishedCalls()},
		{"C10", "flftuu, 2019", "To add one Service gets dearer with those that are there in iptables, and does not in IPVS.", "at 100 to 10,000 Services iptables 100 ms to 9.5 s, IPVS 0.85 ms to 0.97 ms", growth, 0, addOne, publishedChanges()},
		{"C11", "Tigera, iptables and IPVS compared", "Differences appear above 1,000 Services and without keep-alive only.", "at 10,000 Services and 1,000 new connections a second 35 % of a core and 8 %: 4.4 x", load, 5000, newConnections, publishedCores()},
		{"C12", "Kubernetes blog, 2025, and KEP-3866", "The first packet costs the same in nftables at any number of Services and ever more in iptables; IPVS is marginally slower than nftables.", "p50 at 5,000, 10,000 and 30,000 Services: iptables 49, 63 and 274 µs, nftables 14 µs", growth, 0, nftablesFlat, publishedPackets()},
		{"C13", "KEP-3453", "Partial syncs of iptables halve the time until a change is effective in a cluster of 5,000 nodes.", "p50 27 s to 13 s", growth, 0, partialOfIptables, publishedLatency()},
		{"C14", "kubernetes/kubernetes#126013", "Partial syncs of nftables make one more Service cheap at 10,000.", "8 min to 141 ms: 3,400 x", growth, 10000, partialOfNftables, publishedPartial()},
		{"C15", "kubernetes/kubernetes#130119", "A restart takes longer in nftables than in iptables.", "at 10,000 Services with 2 endpoints 40 s and 194 s: 4.9 x", []string{"restart"}, 0, restarted, publishedRestarts()},
		{"C16", "Tencent TKE, 2026", "Short connections get dearer with the Services in iptables and not in eBPF, which is dearer at few Services; with keep-alive nothing grows.", "connections a second at 0 and 30,000 Services: iptables 31,365 and 9,057, eBPF 13,826 and 10,286; as fast at 20,000", load, 5000, shortConnections, publishedRates()},
		{"C17", "bottlerocket#4762", "iptables-nft is several times slower than iptables-legacy.", "5 to 7 x at 877 Services", growth, 0, nftVariant, publishedVariant()},
		{"C18", guides, "iptables balances at random alone; IPVS has a dozen schedulers, each with its own law.", "", nil, 0, schedulers, nil},
		{"C19", guides, "Leave iptables when a sync takes more than a second.", "1 s", nil, 0, advice, nil},
		{"C20", "Kubernetes network programming latency SLI", "99 % of changes are effective in time.", "30 s", nil, 0, latencySLI, nil},
	}
}
