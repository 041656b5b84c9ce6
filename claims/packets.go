package claims

import (
	"fmt"
	"math"

	"github.com/svcmark/svcmark/results"
)

// firstPacket is that of a TCP connection to the last Service, where a walk is longest.
func firstPacket(backend string) where {
	return where{"growth", "FirstPacket", backend, []results.Label{{Key: "protocol", Value: "tcp"}, {Key: "position", Value: "last"}}, ""}
}

// parts is a verdict of several statements: all of them, some, or none.
func parts(reason string, statements ...bool) Verdict {
	held := 0
	for _, s := range statements {
		if s {
			held++
		}
	}
	switch held {
	case len(statements):
		return Verdict{Word: Holds, Reason: reason}
	case 0:
		return Verdict{Word: DoesNotHold, Reason: reason}
	}
	return Verdict{Word: HoldsInPart, Reason: reason}
}

// is chooses words.
func is(yes bool, then, otherwise string) string {
	if yes {
		return then
	}
	return otherwise
}

func walk(e *evidence) Verdict {
	iptables, ipvs := e.growth(firstPacket("iptables-legacy")), e.growth(firstPacket("ipvs"))
	return parts(fmt.Sprintf("From %s to %s Services a first packet to the last one is %s in iptables (%s) and %s in IPVS (%s).", number(iptables.from), number(iptables.to), iptables, times(iptables.times), ipvs, times(ipvs.times)),
		iptables.linear(), ipvs.flat())
}

// negligibleShare is a difference that nobody would change a dataplane for.
const negligibleShare = 0.25

func negligible(e *evidence) Verdict {
	packet, _ := e.ratio(firstPacket("iptables-legacy"), firstPacket("ipvs"), 1000)
	sync, _ := e.ratio(syncOf("iptables-legacy"), syncOf("ipvs"), 1000)
	small := func(ratio float64) bool { return math.Abs(math.Log(ratio)) <= math.Log1p(negligibleShare) }
	return parts(fmt.Sprintf("At 1,000 Services a first packet costs %s in iptables what it does in IPVS, which is %s %d %% of it, and a full sync %s, which is %s.",
		times(packet), is(small(packet), "within", "not within"), int(100*negligibleShare), times(sync), is(small(sync), "too", "not")), small(packet), small(sync))
}

func nftablesFlat(e *evidence) Verdict {
	nftables, iptables := e.growth(firstPacket("nftables")), e.growth(firstPacket("iptables-legacy"))
	ratio, n := e.ratio(firstPacket("ipvs"), firstPacket("nftables"), 0)
	marginal := ratio > 1 && ratio < 1.3
	return parts(fmt.Sprintf("A first packet is %s in nftables and %s in iptables, and IPVS costs %s of nftables at %s Services.", nftables, iptables, times(ratio), number(n)),
		nftables.flat(), iptables.grows(), marginal)
}

// connection is the cost of a request over connections of a kind. In the wall clock the
// figure is a rate, whose inverse a cost is.
func connection(backend, kind string) where {
	return where{"load", "ConnectionRate", backend, []results.Label{{Key: "connection", Value: kind}}, ""}
}

// dearer is how many times the cost of one backend's connection is another's, or that of
// itself at another size.
func (e *evidence) dearer(of, by where, size float64) (ratio, n float64) {
	ratio, n = e.ratio(of, by, size)
	if !e.virtual("load") {
		ratio = 1 / ratio
	}
	return ratio, n
}

func scaleOfConnections(e *evidence) Verdict {
	iptables, ipvs := connection("iptables-legacy", "short"), connection("ipvs", "short")
	few, least := e.dearer(iptables, ipvs, e.smallest(iptables))
	many, most := e.dearer(iptables, ipvs, 0)
	open, _ := e.dearer(connection("iptables-legacy", "keep-alive"), connection("ipvs", "keep-alive"), 0)
	return parts(fmt.Sprintf("A short connection in iptables costs %s of one in IPVS at %s Services and %s at %s, where a request over an open one costs %s.", times(few), number(least), times(many), number(most), times(open)),
		few <= 1.02, many <= 1.02, open > 1.02)
}

func (e *evidence) smallest(w where) float64 {
	if ps := e.points(w); len(ps) > 0 {
		return ps[0].X
	}
	return 0
}

// cores is the processor time that connections of a kind take at a rate.
func cores(backend, kind string) where {
	return where{"load", "CPUAtRate", backend, []results.Label{{Key: "connection", Value: kind}}, ""}
}

func newConnections(e *evidence) Verdict {
	short, n := e.ratio(cores("iptables-legacy", "short"), cores("ipvs", "short"), 0)
	open, _ := e.ratio(cores("iptables-legacy", "keep-alive"), cores("ipvs", "keep-alive"), 0)
	few, least := e.ratio(cores("iptables-legacy", "short"), cores("ipvs", "short"), e.smallest(cores("ipvs", "short")))
	return parts(fmt.Sprintf("New connections take %s the processor time in iptables that they take in IPVS at %s Services and %s at %s, and requests over open ones %s; client and endpoints are in it, so that the dataplanes alone lie further apart.",
		times(few), number(least), times(short), number(n), times(open)), few <= 1.1, short > 1.1, open <= 1.1)
}

func shortConnections(e *evidence) Verdict {
	if e.runs["load"] != nil && !e.virtual("load") {
		e.lacks("the growth of a cost is judged, and the wall clock's figure is a rate: run it in the virtual clock")
	}
	iptables, ebpf := connection("iptables-legacy", "short"), connection("ebpf-tc", "short")
	g, h := e.growth(iptables), e.growth(ebpf)
	open := e.growth(connection("iptables-legacy", "keep-alive"))
	few, least := e.dearer(ebpf, iptables, e.smallest(iptables))
	return parts(fmt.Sprintf("A short connection costs %s in iptables and %s in eBPF, and a request over an open one %s in iptables; at %s Services eBPF costs %s of iptables. This eBPF is a reference for the approach and not the product that was published.",
		g.over(), times(h.times), times(open.times), number(least), times(few)), g.grows(), h.flat(), few > 1, open.flat())
}

// late is the p99 of new connections in a phase of syncs, in the unit of the run's clock.
func late(e *evidence, phase string) where {
	unit := "p99-ns"
	if e.virtual("during-sync") {
		unit = "p99-insns"
	}
	return where{"during-sync", "DuringSync", "iptables-legacy", []results.Label{{Key: "kind", Value: "new"}, {Key: "protocol", Value: "tcp"}, {Key: "phase", Value: phase}}, unit}
}

func spikes(e *evidence) Verdict {
	before, n := e.at(late(e, "before"), 0)
	during, _ := e.at(late(e, "full"), 0)
	if e.missing == "" {
		e.notes("p99 of new connections through iptables-legacy at %s Services: %s before and %s during full syncs", number(n), e.show(late(e, "before"), before), e.show(late(e, "full"), during))
	}
	more, part := during/before, "the processor that a sync takes is part of that, and not a lock alone"
	if e.virtual("during-sync") {
		part = "the client and the endpoints go before the sync, so that they wait for the kernel and not for the processor"
	}
	return parts(fmt.Sprintf("The p99 of new connections during full syncs of iptables is %s of what it is before; %s.", times(more), part), more > 2)
}
