package claims

import (
	"fmt"
	"math"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

func syncOf(backend string) where { return where{"growth", "Sync", backend, nil, ""} }

// oneMore is the cost of one more Service by a partial sync.
func oneMore(backend string) where {
	return where{"growth", "PartialSync", backend, []results.Label{{Key: "change", Value: "addService"}}, ""}
}

// ruleByRule is the cost of a full sync that calls iptables for every rule.
func ruleByRule() where { return where{"one-by-one", "Sync", "userspace", nil, ""} }

// near tells whether a ratio is that which was published, as far as a shape goes: within
// a factor of two.
func near(ratio, published float64) bool { return math.Abs(math.Log(ratio/published)) <= math.Log(2) }

func syncRatio(e *evidence) Verdict {
	small, _ := e.ratio(syncOf("iptables-legacy"), syncOf("ipvs"), 1000)
	large, n := e.ratio(syncOf("iptables-legacy"), syncOf("ipvs"), 0)
	published := 50.0
	if n <= 1000 {
		published = 10
	}
	more := ""
	if n > 1000 {
		more = fmt.Sprintf(" and %s at %s", times(large), number(n))
	}
	return parts(fmt.Sprintf("A full sync by iptables costs %s of one by IPVS at 1,000 Services%s: IPVS needs calls for every Service and every endpoint, too.", times(small), more),
		near(small, 10), near(large, published) && (n <= 1000 || large > small))
}

func syncGrowth(e *evidence) Verdict {
	iptables, ipvs, one := e.growth(syncOf("iptables-legacy")), e.growth(syncOf("ipvs")), e.growth(oneMore("ipvs"))
	return parts(fmt.Sprintf("A full sync is %s in iptables and %s in IPVS, where one more Service costs %s.", iptables, ipvs, one.over()),
		iptables.linear(), ipvs.flat())
}

func ruleObjects() where { return where{"growth", "Objects", "iptables-legacy", nil, "rules"} }

func ruleCount(e *evidence) Verdict {
	count, n := e.at(ruleObjects(), 0)
	const published = 3 // rules a Service of 3 endpoints
	if e.missing == "" {
		e.notes("%s rules at %s Services: %.1f a Service", number(count), number(n), count/n)
	}
	return parts(fmt.Sprintf("There are %.1f rules a Service, %s of what is said: each Service and each endpoint has a chain of its own, and the Service more rules besides.", count/n, times(count/n/published)),
		near(count/n, published))
}

func oneByOne(e *evidence) Verdict {
	single, bulk := e.growth(ruleByRule()), e.growth(syncOf("iptables-legacy"))
	ratio, n := e.ratio(ruleByRule(), syncOf("iptables-legacy"), 0)
	one := e.growth(oneMore("ipvs"))
	return parts(fmt.Sprintf("One call of iptables a rule, as the userspace mode makes them, is %s and costs %s of one restore of a node's rules at %s Services, which is %s; one more Service in IPVS costs %s. No kube-proxy since 1.26 adds rules one by one.",
		single, times(ratio), number(n), bulk, one.over()), single.Class == stats.Superlinear, one.flat())
}

func addOne(e *evidence) Verdict {
	whole, part, ipvs := e.growth(syncOf("iptables-legacy")), e.growth(oneMore("iptables-legacy")), e.growth(oneMore("ipvs"))
	return parts(fmt.Sprintf("In iptables one more Service costs %s where everything is written anew, as it was then, and %s by a partial sync; in IPVS it costs %s.", whole.over(), times(part.times), times(ipvs.times)),
		whole.grows(), part.grows(), ipvs.flat())
}

func partialOfIptables(e *evidence) Verdict {
	ratio, n := e.ratio(syncOf("iptables-legacy"), oneMore("iptables-legacy"), 0)
	return Verdict{Word: CannotJudge, Reason: fmt.Sprintf("The time until a change is effective in a cluster is made of queues and watches of thousands of nodes, too; on one node a full sync costs %s of a partial one at %s Services.", times(ratio), number(n))}
}

func partialOfNftables(e *evidence) Verdict {
	ratio, n := e.ratio(syncOf("nftables"), oneMore("nftables"), 0)
	const published = 8 * 60 / 0.141
	return parts(fmt.Sprintf("A full sync costs %s of one more Service by a partial one at %s Services.", times(ratio), number(n)), ratio > 10, near(ratio, published))
}

func restartOf(backend string) where { return where{"restart", "Restart", backend, nil, ""} }

func restarted(e *evidence) Verdict {
	ratio, n := e.ratio(restartOf("nftables"), restartOf("iptables-legacy"), 0)
	return parts(fmt.Sprintf("A restart costs %s in nftables of one in iptables at %s Services.", times(ratio), number(n)), ratio > nearly)
}

func nftVariant(e *evidence) Verdict {
	ratio, n := e.ratio(syncOf("iptables-nft"), syncOf("iptables-legacy"), 0)
	return parts(fmt.Sprintf("A full sync by iptables-nft costs %s of one by iptables-legacy at %s Services.", times(ratio), number(n)), ratio >= 3)
}

func addressesOnNode(e *evidence) Verdict {
	addresses := func(backend string) where { return where{"load-balancers", "Objects", backend, nil, "addresses"} }
	count, n := e.at(addresses("ipvs"), 0)
	if e.missing == "" {
		e.notes("%s addresses on kube-ipvs0 for %s Services, half of which have a load-balancer address besides", number(count), number(n))
	}
	return parts(fmt.Sprintf("The node has %s addresses for %s Services: with every load-balancer address, and the kernel delivers to its own addresses itself.", number(count), number(n)),
		count >= 1.4*n)
}
