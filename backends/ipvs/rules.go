package ipvs

import (
	"net/netip"
	"strings"
)

// The marks and chains of kube-proxy. Its mark is bit 14 (--iptables-masquerade-bit).
const mark = "0x004000"

// jump is a rule that leads from a built-in chain to one of ours.
type jump struct{ table, from, comment, to string }

// args are the rule as iptables-save prints it and iptables takes it.
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

// ruleset is what the rules depend on.
type ruleset struct {
	clusterCIDR netip.Prefix // not valid: kube-proxy without a local detector
	clusterIPs  bool         // KUBE-CLUSTER-IP has entries
	loopBack    bool         // KUBE-LOOP-BACK has entries
}

// restore is the input of iptables-restore --noflush: kube-proxy's text
// (writeIptablesRules), with the jumps that are missing put between a table's
// chains and its rules.
func (r ruleset) restore(missing []jump) string {
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
			r.nat(&b)
		} else {
			b.WriteString(filterRules)
		}
		b.WriteString("COMMIT\n")
	}
	return b.String()
}

func (r ruleset) nat(b *strings.Builder) {
	const clusterIP = `-A KUBE-SERVICES -m comment --comment "Kubernetes service cluster ip + port for masquerade purpose" -m set --match-set ` + setClusterIP
	b.WriteString("-A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN\n")
	if r.loopBack {
		b.WriteString(`-A KUBE-POSTROUTING -m comment --comment "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" -m set --match-set ` + setLoopBack + " dst,dst,src -j MASQUERADE\n")
	}
	switch {
	case !r.clusterIPs:
	case r.clusterCIDR.IsValid():
		b.WriteString(clusterIP + " dst,dst ! -s " + r.clusterCIDR.String() + " -j KUBE-MARK-MASQ\n")
	default:
		b.WriteString(clusterIP + " src,dst -j KUBE-MARK-MASQ\n")
	}
	b.WriteString("-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT\n")
	b.WriteString("-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ\n")
	if r.clusterIPs {
		b.WriteString("-A KUBE-SERVICES -m set --match-set " + setClusterIP + " dst,dst -j ACCEPT\n")
	}
	b.WriteString("-A KUBE-POSTROUTING -m mark ! --mark " + mark + "/" + mark + " -j RETURN\n")
	b.WriteString("-A KUBE-POSTROUTING -j MARK --xor-mark " + mark + "\n")
	b.WriteString(`-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully` + "\n")
	b.WriteString("-A KUBE-MARK-MASQ -j MARK --or-mark " + mark + "\n")
}

const filterRules = "-A KUBE-SOURCE-RANGES-FIREWALL -j DROP\n" +
	`-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark ` + mark + "/" + mark + " -j ACCEPT\n" +
	`-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT` + "\n" +
	`-A KUBE-NODE-PORT -m comment --comment "Kubernetes health check node port" -m set --match-set ` + setHealthCheckPort + " dst -j ACCEPT\n" +
	"-A KUBE-IPVS-FILTER -m set --match-set " + setLoadBalancer + " dst,dst -j RETURN\n" +
	"-A KUBE-IPVS-FILTER -m set --match-set " + setClusterIP + " dst,dst -j RETURN\n" +
	"-A KUBE-IPVS-FILTER -m set --match-set " + setExternalIP + " dst,dst -j RETURN\n" +
	"-A KUBE-IPVS-FILTER -m set --match-set " + setExternalIPLocal + " dst,dst -j RETURN\n" +
	"-A KUBE-IPVS-FILTER -m set --match-set " + setHealthCheckPort + " dst -j RETURN\n" +
	"-A KUBE-IPVS-FILTER -m conntrack --ctstate NEW -m set --match-set " + setIPVSAddrs + " dst -j REJECT\n"
