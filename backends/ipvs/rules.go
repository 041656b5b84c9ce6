package ipvs

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// kube-proxy's mark, bit 14 (--iptables-masquerade-bit).
const mark = "0x004000"

// jump is a rule that leads from a built-in chain to one of ours.
type jump struct{ table, from, comment, to string }

// rule is the jump as iptables-save prints it and iptables takes it.
func (j jump) rule() string {
	return j.from + ` -m comment --comment "` + j.comment + `" -j ` + j.to
}

// jumps are in the order in which kube-proxy puts each first in its chain: of
// two in one chain the later one stands before the earlier.
var jumps = [...]jump{
	{"nat", "OUTPUT", "kubernetes service portals", "KUBE-SERVICES"},
	{"nat", "PREROUTING", "kubernetes service portals", "KUBE-SERVICES"},
	{"nat", "POSTROUTING", "kubernetes postrouting rules", "KUBE-POSTROUTING"},
	{"filter", "FORWARD", "kubernetes forwarding rules", "KUBE-FORWARD"},
	{"filter", "INPUT", "kubernetes health check rules", "KUBE-NODE-PORT"},
	{"filter", "INPUT", "kube-proxy firewall rules", "KUBE-PROXY-FIREWALL"},
	{"filter", "FORWARD", "kube-proxy firewall rules", "KUBE-PROXY-FIREWALL"},
	{"filter", "INPUT", "kubernetes ipvs access filter", "KUBE-IPVS-FILTER"},
	{"filter", "OUTPUT", "kubernetes ipvs access filter", "KUBE-IPVS-OUT-FILTER"},
}

// chain is one of ours.
type chain struct{ table, name string }

var chains = [...]chain{
	{"nat", "KUBE-SERVICES"},
	{"nat", "KUBE-POSTROUTING"},
	{"nat", "KUBE-NODE-PORT"},
	{"nat", "KUBE-LOAD-BALANCER"},
	{"nat", "KUBE-MARK-MASQ"},
	{"filter", "KUBE-FORWARD"},
	{"filter", "KUBE-NODE-PORT"},
	{"filter", "KUBE-PROXY-FIREWALL"},
	{"filter", "KUBE-SOURCE-RANGES-FIREWALL"},
	{"filter", "KUBE-IPVS-FILTER"},
	{"filter", "KUBE-IPVS-OUT-FILTER"},
}

// tables are in the order in which kube-proxy restores them.
var tables = [...]string{"nat", "filter"}

// setRules are there while their set has entries (ipsetWithIptablesChain in
// proxier.go); the other sets' rules are written out below.
var setRules = [...]struct {
	set             setID
	table, from, to string
	match           string
	proto           string
}{
	{setLoopBack, "nat", "KUBE-POSTROUTING", "MASQUERADE", "dst,dst,src", ""},
	{setLoadBalancer, "nat", "KUBE-SERVICES", "KUBE-LOAD-BALANCER", "dst,dst", ""},
	{setLoadBalancerLocal, "nat", "KUBE-LOAD-BALANCER", "RETURN", "dst,dst", ""},
	{setNodePortLocalTCP, "nat", "KUBE-NODE-PORT", "RETURN", "dst", "tcp"},
	{setNodePortTCP, "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", "dst", "tcp"},
	{setNodePortLocalUDP, "nat", "KUBE-NODE-PORT", "RETURN", "dst", "udp"},
	{setNodePortUDP, "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", "dst", "udp"},
	{setNodePortLocalSCTP, "nat", "KUBE-NODE-PORT", "RETURN", "dst,dst", "sctp"},
	{setNodePortSCTP, "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", "dst,dst", "sctp"},
	{setLoadBalancerFW, "filter", "KUBE-PROXY-FIREWALL", "KUBE-SOURCE-RANGES-FIREWALL", "dst,dst", ""},
	{setLoadBalancerSourceCIDR, "filter", "KUBE-SOURCE-RANGES-FIREWALL", "RETURN", "dst,dst,src", ""},
	{setLoadBalancerSourceIP, "filter", "KUBE-SOURCE-RANGES-FIREWALL", "RETURN", "dst,dst,src", ""},
}

// ruleset is what a family's rules depend on.
type ruleset struct {
	family      *family
	clusterCIDR netip.Prefix   // not valid: kube-proxy without a local detector
	filled      [setCount]bool // the sets that have entries
	closed      []vip          // load-balancer VIPs that the node itself must not reach
}

// equal says whether both have the same rules.
func (r *ruleset) equal(q *ruleset) bool {
	return r.clusterCIDR == q.clusterCIDR && r.filled == q.filled && slices.Equal(r.closed, q.closed)
}

// restore is the input of iptables-restore --noflush: kube-proxy's text
// (writeIptablesRules), with the jumps that are missing put between a table's
// chains and its rules.
func (r *ruleset) restore(missing []jump) string {
	var b strings.Builder
	for _, table := range tables {
		b.WriteString("*" + table + "\n")
		for _, c := range chains {
			if c.table == table {
				b.WriteString(":" + c.name + " - [0:0]\n")
			}
		}
		for _, j := range missing {
			if j.table == table {
				b.WriteString("-I " + j.rule() + "\n")
			}
		}
		if table == "nat" {
			b.WriteString("-A KUBE-SERVICES -s " + r.family.loopback + " -j RETURN\n")
		}
		for _, s := range setRules {
			if s.table != table || !r.filled[s.set] {
				continue
			}
			proto := ""
			if s.proto != "" {
				proto = "-p " + s.proto + " "
			}
			b.WriteString("-A " + s.from + " " + proto + r.comment(s.set) + " " + r.match(s.set, s.match) + " -j " + s.to + "\n")
		}
		if table == "nat" {
			r.nat(&b)
		} else {
			r.filter(&b)
		}
		b.WriteString("COMMIT\n")
	}
	return b.String()
}

func (r *ruleset) comment(id setID) string {
	return `-m comment --comment "` + kubeSets[id].comment + `"`
}

func (r *ruleset) match(id setID, directions string) string {
	return "-m set --match-set " + r.family.sets[id] + " " + directions
}

func (r *ruleset) nat(b *strings.Builder) {
	if r.filled[setClusterIP] {
		b.WriteString("-A KUBE-SERVICES " + r.comment(setClusterIP) + " ")
		if r.clusterCIDR.IsValid() {
			b.WriteString(r.match(setClusterIP, "dst,dst") + " ! -s " + r.clusterCIDR.String())
		} else {
			// What the node itself sends to a VIP comes from one, out of
			// those on kube-ipvs0.
			b.WriteString(r.match(setClusterIP, "src,dst"))
		}
		b.WriteString(" -j KUBE-MARK-MASQ\n")
	}
	for _, id := range [...]setID{setExternalIP, setExternalIPLocal} {
		if !r.filled[id] {
			continue
		}
		rule := "-A KUBE-SERVICES " + r.comment(id) + " " + r.match(id, "dst,dst")
		if id == setExternalIP {
			b.WriteString(rule + " -j KUBE-MARK-MASQ\n")
		}
		b.WriteString(rule + " -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT\n")
		b.WriteString(rule + " -m addrtype --dst-type LOCAL -j ACCEPT\n")
	}
	b.WriteString("-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT\n")
	b.WriteString("-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ\n")
	for _, id := range [...]setID{setClusterIP, setLoadBalancer} {
		if r.filled[id] {
			b.WriteString("-A KUBE-SERVICES " + r.match(id, "dst,dst") + " -j ACCEPT\n")
		}
	}
	b.WriteString("-A KUBE-POSTROUTING -m mark ! --mark " + mark + "/" + mark + " -j RETURN\n")
	b.WriteString("-A KUBE-POSTROUTING -j MARK --xor-mark " + mark + "\n")
	b.WriteString(`-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully` + "\n")
	b.WriteString("-A KUBE-MARK-MASQ -j MARK --or-mark " + mark + "\n")
}

func (r *ruleset) filter(b *strings.Builder) {
	b.WriteString("-A KUBE-SOURCE-RANGES-FIREWALL -j DROP\n")
	for _, v := range r.closed {
		// What IPVS sends back to the node has the VIP on both ends.
		b.WriteString("-A KUBE-IPVS-OUT-FILTER -s " + v.ip.String() + " -m ipvs --vaddr " + v.ip.String() +
			" --vproto " + protocolName(v.proto) + " --vport " + strconv.Itoa(int(v.port)) + " -j DROP\n")
	}
	b.WriteString(`-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark ` + mark + "/" + mark + " -j ACCEPT\n")
	b.WriteString(`-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT` + "\n")
	b.WriteString("-A KUBE-NODE-PORT " + r.comment(setHealthCheckPort) + " " + r.match(setHealthCheckPort, "dst") + " -j ACCEPT\n")
	for _, id := range [...]setID{setLoadBalancer, setClusterIP, setExternalIP, setExternalIPLocal} {
		b.WriteString("-A KUBE-IPVS-FILTER " + r.match(id, "dst,dst") + " -j RETURN\n")
	}
	b.WriteString("-A KUBE-IPVS-FILTER " + r.match(setHealthCheckPort, "dst") + " -j RETURN\n")
	b.WriteString("-A KUBE-IPVS-FILTER -m conntrack --ctstate NEW " + r.match(setIPVSAddrs, "dst") + " -j REJECT\n")
}
