package tc

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/table"
)

// Probe implements backends.Backend: it makes the maps, has the kernel verify every
// program, and attaches the gates to a link of its own, which it takes away again.
func (b *Backend) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := New(b.choice)
	defer p.letGo()
	if err := p.prepare(); err != nil {
		return missing("maps and programs of BPF (CONFIG_BPF_SYSCALL)", err)
	}
	n := &backends.Node{Addrs: []netip.Addr{netip.IPv6Loopback()}} // which wants the programs of both families
	t, err := table.New(ctx, b.kind(), &backends.State{Node: *n}, &p.ids)
	if err != nil {
		return missing("maps of BPF that are written in batches", err)
	}
	defer t.Close()
	if err := p.use(t, n); err != nil {
		return missing("BPF programs of tc with bpf_redirect_neigh", err)
	}
	return p.tryLink()
}

// tryLink attaches the gates to a pair of links.
func (b *Backend) tryLink() error {
	const name = "svcmark-probe"
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: name + "2"}
	if err := netlink.LinkAdd(pair); err != nil {
		return missing("veth (CONFIG_VETH)", err)
	}
	err := func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if _, err := classify(l); err != nil {
			return missing("the qdisc clsact (CONFIG_NET_SCH_INGRESS)", err)
		}
		if err := filter(l, in, b.gates[in], filterName); err != nil {
			return missing("filters of BPF (CONFIG_NET_CLS_BPF)", err)
		}
		return nil
	}()
	if gone := netlink.LinkDel(pair); gone != nil && err == nil {
		err = fmt.Errorf("taking the link %s away: %w", name, gone)
	}
	return err
}

func missing(feature string, err error) error { return table.Missing(feature, "5.10", err) }
