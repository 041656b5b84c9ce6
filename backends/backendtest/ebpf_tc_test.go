package backendtest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/backendtest"
)

func tcExpectations() backendtest.Expectations {
	return backendtest.Expectations{Refuses: true, Dump: tcDump, Foreign: tcForeign}
}

// tcDump is every link's qdiscs of clsact and the filters there, and what the programs
// to which a gate jumps know of Services.
func tcDump(context.Context) (string, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	known := map[int]string{} // by gate
	for _, l := range links {
		qdiscs, err := netlink.QdiscList(l)
		if err != nil {
			return "", err
		}
		for _, q := range qdiscs {
			if q.Type() != "clsact" {
				continue
			}
			fmt.Fprintf(&b, "%s clsact\n", l.Attrs().Name)
			for _, parent := range []uint32{netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS} {
				filters, err := netlink.FilterList(l, parent)
				if err != nil {
					return "", err
				}
				for _, f := range filters {
					bpf, ok := f.(*netlink.BpfFilter)
					if !ok {
						return "", fmt.Errorf("%s has a filter of the kind %s", l.Attrs().Name, f.Type())
					}
					fmt.Fprintf(&b, "%s %#x %s at %d\n", l.Attrs().Name, parent, bpf.Name, bpf.Priority)
					if bpf.Name != "svcmark_tc_others" && known[bpf.Id] == "" {
						if known[bpf.Id], err = behind(ebpf.ProgramID(bpf.Id)); err != nil {
							return "", err
						}
						b.WriteString(known[bpf.Id])
					}
				}
			}
		}
	}
	return b.String(), nil
}

// behind is what the programs know to which a gate may jump.
func behind(gate ebpf.ProgramID) (string, error) {
	p, err := ebpf.NewProgramFromID(gate)
	if err != nil {
		return "", err
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return "", err
	}
	ids, _ := info.MapIDs()
	var b strings.Builder
	for _, id := range ids {
		jumps, err := ebpf.NewMapFromID(id)
		if err != nil {
			return "", err
		}
		defer jumps.Close()
		for i := range jumps.MaxEntries() {
			var id uint32
			if err := jumps.Lookup(i, &id); errors.Is(err, ebpf.ErrKeyNotExist) {
				continue // the node does not speak the family
			} else if err != nil {
				return "", err
			}
			text, err := services(ebpf.ProgramID(id))
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
	}
	return b.String(), nil
}

// tcForeign puts a program of somebody else on a link: a qdisc with a filter whose name is
// like the backend's, beside which the backend's must come and go.
func tcForeign(context.Context) (func() error, error) {
	l, err := netlink.LinkByName("eth0")
	if err != nil {
		return nil, err
	}
	qdisc := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
	if err := netlink.QdiscAdd(qdisc); err != nil {
		return nil, err
	}
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "svcmark_tc", Type: ebpf.SchedCLS, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
	})
	if err != nil {
		return nil, errors.Join(err, netlink.QdiscDel(qdisc))
	}
	defer p.Close()
	err = netlink.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: l.Attrs().Index, Parent: netlink.HANDLE_MIN_INGRESS, Handle: 1, Protocol: unix.ETH_P_ALL, Priority: 1,
		},
		Fd: p.FD(), Name: "svcmark_tc_others", DirectAction: true,
	})
	if err != nil {
		return nil, errors.Join(err, netlink.QdiscDel(qdisc))
	}
	return func() error { return netlink.QdiscDel(qdisc) }, nil
}
