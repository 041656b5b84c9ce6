package tc

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ebpf/table"
)

// The hooks of a link, and the programs of the map jumps: those of a hook are one after
// the other, by family.
const (
	in = iota
	out
	hooks

	families = 2
)

// A filter's name says whose it is, and whether the qdisc that it hangs on is as well:
// that has no name of its own.
const (
	filterName  = "svcmark_tc"
	ownsQdisc   = "svcmark_tc_clsact"
	priority    = 0x5c // nobody's by custom
	filterIndex = 1
)

// gate is what is attached: it jumps to the program in use for the packet's family. Those
// are exchanged at once for all links. A packet that was forwarded has met the hook
// of the link that it came from, and passes as it leaves.
func (m *maps) gate(hook int) (*ebpf.Program, error) {
	p := &table.Program{}
	p.Add(asm.Mov.Reg(asm.R6, asm.R1))
	if hook == out {
		p.Load(asm.R2, asm.R6, skbIngressIfindex, asm.Word)
		p.Add(asm.JNE.Imm(asm.R2, 0, "pass"))
	}
	p.Load(asm.R2, asm.R6, skbProtocol, asm.Word)
	p.Add(
		asm.Mov.Imm(asm.R3, int32(hook*families)), asm.JEq.Imm(asm.R2, networkOrder(unix.ETH_P_IP), "jump"),
		asm.Mov.Imm(asm.R3, int32(hook*families+1)), asm.JNE.Imm(asm.R2, networkOrder(unix.ETH_P_IPV6), "pass"),
		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("jump"),
		asm.LoadMapPtr(asm.R2, m.jumps.FD()), asm.FnTailCall.Call(),
		asm.Mov.Imm(asm.R0, goOn).WithSymbol("pass"), asm.Return(),
	)
	return table.LoadProgram("gate", ebpf.ProgramSpec{Type: ebpf.SchedCLS}, p.Code)
}

// networkOrder is how a half word in network byte order reads.
func networkOrder(v uint16) int32 {
	return table.Word([]byte{byte(v >> 8), byte(v), 0, 0})
}

// attach has every link's packets pass the gates: those that come from others, and those
// that the node sends, down whatever link, lo included. It looks at what is there: a link
// may be new, and another Backend may have been at work.
func attach(gates [hooks]*ebpf.Program) error {
	links, err := links()
	if err != nil {
		return err
	}
	others := map[int]*ebpf.Program{} // gates of Backends whose place this one takes
	defer func() {
		for _, p := range others {
			p.Close()
		}
	}()
	for _, l := range links {
		name, err := classify(l)
		if err != nil {
			return fmt.Errorf("making the qdisc clsact of %s: %w", l.Attrs().Name, err)
		}
		was, err := ours(l)
		if err != nil {
			return err
		}
		for _, f := range was {
			if others[f.Id] != nil {
				continue
			}
			// It is opened while it is there: replaced, it may be gone.
			if others[f.Id], err = ebpf.NewProgramFromID(ebpf.ProgramID(f.Id)); err != nil {
				return fmt.Errorf("opening a gate: %w", err)
			}
		}
		for hook := range hooks {
			if hook == in && isLoopback(l) {
				continue // what comes from there was seen as it went there
			}
			if err := filter(l, hook, gates[hook], name); err != nil {
				return fmt.Errorf("attaching to %s: %w", l.Attrs().Name, err)
			}
		}
	}
	for _, g := range gates {
		info, err := g.Info()
		if err != nil {
			return fmt.Errorf("reading of a program: %w", err)
		}
		if id, ok := info.ID(); ok && others[int(id)] != nil {
			others[int(id)].Close()
			delete(others, int(id))
		}
	}
	for _, p := range others {
		if err := shut(p); err != nil {
			return err
		}
	}
	return nil
}

// links are those whose packets begin with an Ethernet header, and that are there as they
// were found.
func links() ([]netlink.Link, error) {
	all, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("finding the node's links: %w", err)
	}
	return slices.DeleteFunc(all, func(l netlink.Link) bool {
		return l.Attrs().EncapType != "ether" && !isLoopback(l)
	}), nil
}

func isLoopback(l netlink.Link) bool { return l.Attrs().EncapType == "loopback" }

// parent is where a hook's filters hang.
func parent(hook int) uint32 {
	if hook == in {
		return netlink.HANDLE_MIN_INGRESS
	}
	return netlink.HANDLE_MIN_EGRESS
}

// classify gives a link the qdisc that filters hang on, and says by which name they are
// told. One that is there is another's, unless our filters say otherwise.
func classify(l netlink.Link) (string, error) {
	qdisc := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
	switch err := netlink.QdiscAdd(qdisc); {
	case err == nil:
		return ownsQdisc, nil
	case !errors.Is(err, unix.EEXIST):
		return "", err
	}
	ours, err := ours(l)
	if err == nil && slices.ContainsFunc(ours, func(f *netlink.BpfFilter) bool { return f.Name == ownsQdisc }) {
		return ownsQdisc, nil
	}
	return filterName, err
}

// filter puts a gate at a hook, in the place of the one that may be there.
func filter(l netlink.Link, hook int, gate *ebpf.Program, name string) error {
	return netlink.FilterReplace(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: l.Attrs().Index, Parent: parent(hook), Handle: filterIndex, Protocol: unix.ETH_P_ALL, Priority: priority,
		},
		Fd: gate.FD(), Name: name, DirectAction: true,
	})
}

// ours are our filters on a link, of any Backend.
func ours(l netlink.Link) ([]*netlink.BpfFilter, error) {
	var found []*netlink.BpfFilter
	for hook := range hooks {
		list, err := netlink.FilterList(l, parent(hook))
		if err != nil {
			return nil, fmt.Errorf("reading the filters of %s: %w", l.Attrs().Name, err)
		}
		for _, f := range list {
			if b, ok := f.(*netlink.BpfFilter); ok && (b.Name == filterName || b.Name == ownsQdisc) && b.Priority == priority {
				found = append(found, b)
			}
		}
	}
	return found, nil
}
