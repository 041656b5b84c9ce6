package ipvs

import (
	"bufio"
	"fmt"
	"io"

	"github.com/svcmark/svcmark/backends"
)

// Render gives the state as input for ipset, ip, iptables, ip6tables and
// ipvsadm, for a node that has none of it. The addresses that node ports are
// served on are state.Node.Addrs; Sync takes those that the node really has.
func (b *Backend) Render(state *backends.State) ([]backends.Part, error) {
	parts, err := b.render(state)
	if err != nil {
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	return parts, nil
}

func (b *Backend) render(state *backends.State) ([]backends.Part, error) {
	if err := state.Check(); err != nil {
		return nil, err
	}
	var node addrs
	for _, a := range state.Node.Addrs {
		node.own = append(node.own, ipOf(a))
	}
	plans, err := newPlans(state, &node)
	if err != nil {
		return nil, err
	}
	parts := []backends.Part{{
		Name: "ipset.save", Command: []string{"ipset", "restore"},
		Write: lines(func(w *bufio.Writer) { writeSets(w, plans) }),
	}}
	for _, p := range plans {
		t := b.tables(p.family)
		parts = append(parts, backends.Part{
			Name: p.iptables("iptables") + ".rules", Command: append([]string{t.name + "-restore"}, restoreArgs...),
			Write: lines(func(w *bufio.Writer) { rules := p.rules(); w.WriteString(rules.restore(jumps[:])) }),
		})
	}
	return append(parts, backends.Part{
		Name: "kube-ipvs0.batch", Command: []string{"ip", "-batch", "-"},
		Write: lines(func(w *bufio.Writer) { writeAddrs(w, plans) }),
	}, backends.Part{
		Name: "ipvsadm.save", Command: []string{"ipvsadm", "-R"},
		Write: lines(func(w *bufio.Writer) { b.writeServers(w, plans) }),
	}), nil
}

// lines makes a Part's Write of what writes to a buffer.
func lines(write func(*bufio.Writer)) func(io.Writer) error {
	return func(w io.Writer) error {
		b := bufio.NewWriter(w)
		write(b)
		return b.Flush()
	}
}

// createArgs are the arguments of ipset create after the set's name.
func createArgs(f *family, typ string) []string {
	if typ == bitmapPort {
		return []string{typ, "range", "0-65535"}
	}
	return []string{typ, "family", f.inet, "hashsize", fmt.Sprint(hashSize), "maxelem", fmt.Sprint(maxElements)}
}

func writeSets(w *bufio.Writer, plans []*plan) {
	for _, p := range plans {
		for id, s := range kubeSets {
			w.WriteString("create " + p.sets[id])
			for _, arg := range createArgs(p.family, s.typ) {
				w.WriteString(" " + arg)
			}
			w.WriteByte('\n')
			for i := range p.orderedEntries[id] {
				w.WriteString("add " + p.sets[id] + " " + p.orderedEntries[id][i].text(s.typ) + "\n")
			}
		}
	}
}

func writeAddrs(w *bufio.Writer, plans []*plan) {
	if len(plans) == 0 {
		return
	}
	w.WriteString("link add " + device + " txqueuelen 0 type dummy\n") // as kube-proxy makes it
	for _, p := range plans {
		for _, e := range p.orderedEntries[setIPVSAddrs] {
			fmt.Fprintf(w, "addr add %s/%d dev %s\n", e.ip, e.ip.bits(), device)
		}
	}
}

// writeServers writes what ipvsadm -Sn prints.
func (b *Backend) writeServers(w *bufio.Writer, plans []*plan) {
	for _, p := range plans {
		for _, s := range p.orderedServers {
			kind := map[string]string{"tcp": "-t ", "udp": "-u ", "sctp": "--sctp-service "}[protocolName(s.proto)]
			at := kind + s.addrPort()
			want := b.service(p.family, s)
			w.WriteString("-A " + at + " -s " + want.scheduler)
			if want.flags&flagPersistent != 0 {
				fmt.Fprintf(w, " -p %d", want.timeout)
			}
			if want.flags&flagSchedulerHashesPort != 0 {
				w.WriteString(" -b mh-port")
			}
			w.WriteByte('\n')
			for _, d := range s.dests {
				fmt.Fprintf(w, "-a %s -r %s -m -w %d\n", at, d, s.weight(d))
			}
		}
	}
}
