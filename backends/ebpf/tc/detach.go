package tc

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
)

// detach takes our filters away, whoever made them, and the qdiscs that were made for
// them and hold no other's.
func detach() error {
	links, err := links()
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := detachFrom(l); err != nil {
			return err
		}
	}
	return nil
}

func detachFrom(l netlink.Link) error {
	has, err := classified(l)
	if err != nil || !has {
		return err
	}
	found, err := ours(l)
	if err != nil {
		return err
	}
	owns := false
	for _, f := range found {
		owns = owns || f.Name == ownsQdisc
		gate, err := ebpf.NewProgramFromID(ebpf.ProgramID(f.Id))
		if err != nil {
			return fmt.Errorf("opening a gate: %w", err)
		}
		err = shut(gate)
		gate.Close()
		if err != nil {
			return err
		}
		if err := netlink.FilterDel(f); err != nil {
			return fmt.Errorf("taking the filter of %s away: %w", l.Attrs().Name, err)
		}
	}
	for hook := range hooks {
		left, err := netlink.FilterList(l, parent(hook))
		if err != nil {
			return fmt.Errorf("reading the filters of %s: %w", l.Attrs().Name, err)
		}
		owns = owns && len(left) == 0
	}
	if !owns {
		return nil
	}
	qdisc := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
	if err := netlink.QdiscDel(qdisc); err != nil {
		return fmt.Errorf("taking the qdisc clsact of %s away: %w", l.Attrs().Name, err)
	}
	return nil
}

// classified reports whether a link has the qdisc clsact at all.
func classified(l netlink.Link) (bool, error) {
	list, err := netlink.QdiscList(l)
	if err != nil {
		return false, fmt.Errorf("reading the qdiscs of %s: %w", l.Attrs().Name, err)
	}
	return slices.ContainsFunc(list, func(q netlink.Qdisc) bool { return strings.EqualFold(q.Type(), "clsact") }), nil
}

// shut takes from a gate what it jumps to, and with that the maps: whoever made it may
// hold it open for as long as the process lives.
func shut(gate *ebpf.Program) error {
	info, err := gate.Info()
	if err != nil {
		return fmt.Errorf("reading of a gate: %w", err)
	}
	ids, _ := info.MapIDs()
	for _, id := range ids {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			return fmt.Errorf("opening what a gate jumps by: %w", err)
		}
		defer m.Close()
		for i := range m.MaxEntries() {
			if err := m.Delete(i); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
				return fmt.Errorf("shutting a gate: %w", err)
			}
		}
	}
	return nil
}
