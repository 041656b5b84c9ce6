package userspace

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// firstRendered is the first of the proxy's ports in a rendering: the lowest that
// Linux deals out by default (net.ipv4.ip_local_port_range).
const firstRendered = 32768

// Render implements backends.Renderer: the sockets of the proxy, and the rules that
// lead to them, of a node that has none of it. Which ports the proxy gets only the
// kernel decides, when it listens; here they are numbered from 32768, of each family
// and protocol in the order of the state. Ports that would be held on the node's own
// addresses are those of state.Node.Addrs.
func (*Backend) Render(state *backends.State) ([]backends.Part, error) {
	if err := state.Check(); err != nil {
		return nil, fmt.Errorf("userspace: %w", err)
	}
	var sockets []listener
	var parts []backends.Part
	for _, f := range backends.Families() {
		if !state.Node.Programs(f) {
			continue
		}
		all, rules := listenersOf(f, state)
		sockets = append(sockets, all...)
		t := map[backends.Family]string{backends.IPv4: "iptables", backends.IPv6: "ip6tables"}[f]
		parts = append(parts, backends.Part{
			Name: t + ".rules", Command: []string{t + "-legacy-restore", "--noflush"},
			Write: func(w io.Writer) error { return writeRules(w, rules) },
		})
	}
	return append([]backends.Part{{
		Name:  "listeners.txt",
		Write: func(w io.Writer) error { return writeListeners(w, sockets) },
	}}, parts...), nil
}

// listener is a socket of the proxy: one that clients are led to, with the endpoints
// that it takes in turn, or one that holds a port which clients dial.
type listener struct {
	port *backends.ServicePort
	at   netip.AddrPort
	held bool
}

// listenersOf are the sockets of a family, and the rules that lead there.
func listenersOf(f backends.Family, state *backends.State) (all []listener, rules []rule) {
	own := map[netip.Addr]bool{}
	for _, a := range state.Node.Addrs {
		own[a] = true
	}
	next := map[backends.Protocol]int{}
	for i := range state.Services {
		p := &state.Services[i]
		if p.Family() != f || p.Protocol == backends.SCTP {
			continue
		}
		port := uint16(firstRendered + next[p.Protocol]%(1<<16-firstRendered))
		next[p.Protocol]++
		all = append(all, listener{p, netip.AddrPortFrom(everywhere(f), port), false})
		for _, at := range claimsOf(p, own) {
			all = append(all, listener{p, at, true})
		}
		rules = append(rules, rulesOf(p, port, state.Node.ProxyAddr(f))...)
	}
	return all, rules
}

// writeListeners writes a line a socket.
func writeListeners(w io.Writer, all []listener) error {
	b := bufio.NewWriter(w)
	for _, l := range all {
		fmt.Fprintf(b, "%s %s %s", strings.ToLower(string(l.port.Protocol)), l.at, l.port)
		switch to := endpointsOf(l.port); {
		case l.held:
			b.WriteString(" held")
		case len(to) == 0:
			b.WriteString(" to nobody")
		default:
			for i, e := range to {
				b.WriteString([]string{" to ", ", "}[min(i, 1)] + e.String())
			}
			if s := l.port.AffinitySeconds; s != 0 {
				fmt.Fprintf(b, " affinity %d s", s)
			}
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}

// writeRules writes the rules as input of iptables-restore. A Sync hands each to a run
// of iptables instead; the outcome is the same.
func writeRules(w io.Writer, rules []rule) error {
	b := bufio.NewWriter(w)
	for _, table := range []string{nat, filter} {
		b.WriteString("*" + table + "\n")
		for _, j := range jumps() {
			if j.table == table {
				b.WriteString(":" + j.chain + " - [0:0]\n")
			}
		}
		for _, j := range jumps() {
			if j.table == table {
				writeRule(b, j.put, j.rule)
			}
		}
		for _, r := range rules {
			if r.table == table {
				writeRule(b, "-A", r)
			}
		}
		b.WriteString("COMMIT\n")
	}
	return b.Flush()
}

func writeRule(b *bufio.Writer, put string, r rule) {
	b.WriteString(put + " " + r.chain)
	for _, arg := range r.args {
		if strings.Contains(arg, " ") { // ours alone: names of Services have none
			arg = `"` + arg + `"`
		}
		b.WriteString(" " + arg)
	}
	b.WriteByte('\n')
}
