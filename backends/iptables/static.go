package iptables

import (
	"slices"

	"github.com/svcmark/svcmark/backends"
)

// Table is a table of iptables.
type Table string

// The tables that kube-proxy programs.
const (
	Mangle Table = "mangle"
	Filter Table = "filter"
	NAT    Table = "nat"
)

// Tables gives the tables in the order in which a sync writes them: the nat
// table, which sends packets somewhere, is last.
func Tables() []Table { return []Table{Mangle, Filter, NAT} }

// canary is an empty chain in every table; kube-proxy takes its absence for a
// flush by somebody else.
const canary = "KUBE-PROXY-CANARY"

// martianChain is the kubelet's too. kube-proxy makes it and its jumps in both
// families, but has a rule for it in IPv4 alone.
const martianChain = "KUBE-FIREWALL"

// rewritten are the chains of a table that every sync empties and fills, in
// kube-proxy's order.
func (t Table) rewritten(f backends.Family) []string {
	switch t {
	case Filter:
		chains := []string{"KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL"}
		if f == backends.IPv4 {
			chains = append(chains, martianChain)
		}
		return chains
	case NAT:
		return []string{"KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"}
	}
	return nil
}

// chains are all chains of a table that do not depend on any Service. Those
// that rewritten leaves out are made by a full sync alone.
func (t Table) chains() []string {
	return append(t.rewritten(backends.IPv4), canary)
}

// jumps are the rules that lead from a table's built-in chains to ours, as
// iptables-save prints them after "-A ". kube-proxy puts each that is not there
// first in its chain, in this order, so the last one of a chain ends on top.
func (t Table) jumps() []string {
	switch t {
	case Filter:
		return []string{
			`INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES`,
			`FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES`,
			`INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS`,
			`FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES`,
			`OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES`,
			`FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD`,
			`INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL`,
			`OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL`,
			`FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL`,
			`INPUT -j KUBE-FIREWALL`,
			`OUTPUT -j KUBE-FIREWALL`,
		}
	case NAT:
		return []string{
			`OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES`,
			`PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES`,
			`POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING`,
		}
	}
	return nil
}

// owns reports whether a user-defined chain of the table is this backend's.
func (t Table) owns(chain string) bool {
	return slices.Contains(t.chains(), chain) || t == NAT && isServiceChain(chain)
}

// masqueradeMark is bit 14, kube-proxy's default, as kube-proxy writes it.
const masqueradeMark = "0x004000"

// The rules of the chains that do not depend on any Service.
const (
	natRules = "-A KUBE-POSTROUTING -m mark ! --mark " + masqueradeMark + "/" + masqueradeMark + " -j RETURN\n" +
		"-A KUBE-POSTROUTING -j MARK --xor-mark " + masqueradeMark + "\n" +
		`-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully` + "\n" +
		"-A KUBE-MARK-MASQ -j MARK --or-mark " + masqueradeMark + "\n"

	natTail = `-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL`
	toNodes = " -j KUBE-NODEPORTS\n"
	// Node ports work on 127.0.0.1 by route_localnet; IPv6 has nothing like it.
	notLoopback6 = " ! -d ::1/128"

	// With route_localnet on, 127.0.0.0/8 could be reached from outside.
	martians = "-A " + martianChain + ` -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP` + "\n"

	dropInvalid        = "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n"
	dropInvalidCounted = "-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name " + invalidCounter + " -j DROP\n"

	forward = `-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark ` + masqueradeMark + "/" + masqueradeMark + " -j ACCEPT\n" +
		`-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT` + "\n"
)

// The nfacct objects of kube-proxy.
const (
	invalidCounter   = "ct_state_invalid_dropped_pkts"
	localhostCounter = "localhost_nps_accepted_pkts"
)
