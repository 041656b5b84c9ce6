package backendtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/backendtest"
	"github.com/svcmark/svcmark/backends/ebpf/cgroup"
)

func ebpfExpectations() backendtest.Expectations {
	return backendtest.Expectations{Refuses: true, Dump: ebpfDump, Foreign: ebpfForeign}
}

// ebpfDump is what is attached to this process's control group and to those beside
// it, and what the maps of those programs say of Services: without numbers that
// the kernel or the backend chooses.
func ebpfDump(context.Context) (string, error) {
	tree, err := cgroup.Open()
	if err != nil {
		return "", err
	}
	defer tree.Close()
	own, err := cgroup.Own()
	if err != nil {
		return "", err
	}
	parent := own
	if outer, ours := cgroup.Ours(own); ours {
		parent = path.Dir(outer)
	}
	dir, err := tree.Dir(parent)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	slices.Sort(names)
	for _, name := range names {
		group := path.Join(parent, name)
		outer, ours := cgroup.Ours(own)
		switch {
		case ours && group == outer:
			text, err := attached(tree, own)
			if err != nil {
				return "", err
			}
			b.WriteString("own group\n" + text)
		case name == foreignGroup:
			text, err := attached(tree, group)
			if err != nil {
				return "", err
			}
			b.WriteString(name + "\n" + text)
		}
	}
	return b.String(), nil
}

func attached(tree cgroup.Tree, group string) (string, error) {
	dir, err := tree.Dir(group)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	var b strings.Builder
	for _, at := range []ebpf.AttachType{
		ebpf.AttachCGroupInet4Connect, ebpf.AttachCGroupInet6Connect, ebpf.AttachCGroupUDP4Sendmsg, ebpf.AttachCGroupUDP6Sendmsg,
		ebpf.AttachCGroupUDP4Recvmsg, ebpf.AttachCGroupUDP6Recvmsg, ebpf.AttachCgroupInet4GetPeername, ebpf.AttachCgroupInet6GetPeername,
	} {
		found, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: at})
		if err != nil {
			return "", err
		}
		for _, p := range found.Programs {
			text, err := services(p.ID)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%s\n%s", at, text)
		}
	}
	return b.String(), nil
}

// services reads the tables of a program by the layout of the maps, which is told
// here a second time.
func services(id ebpf.ProgramID) (string, error) {
	p, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return "", err
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return "", err
	}
	ids, _ := info.MapIDs()
	maps := map[string]*ebpf.Map{}
	for _, id := range ids {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			return "", err
		}
		defer m.Close()
		i, err := m.Info()
		if err != nil {
			return "", err
		}
		maps[i.Name] = m
	}
	table := maps["svcmark_service"]
	if table == nil {
		return info.Name + "\n", nil
	}
	at := func(b []byte) netip.AddrPort {
		a, _ := netip.AddrFromSlice(b[:16])
		return netip.AddrPortFrom(a.Unmap(), uint16(b[16])<<8|uint16(b[17]))
	}
	var lines []string
	key, slot := make([]byte, 20), uint32(0)
	for all := table.Iterate(); all.Next(&key, &slot); {
		to := make([]byte, 80)
		if err := maps["svcmark_front"].Lookup(slot, to); err != nil {
			return "", err
		}
		if !slices.Equal(to[:20], key) {
			return "", fmt.Errorf("the slot of %s is of %s", at(key), at(to))
		}
		number := func(i int) uint32 {
			return uint32(to[i]) | uint32(to[i+1])<<8 | uint32(to[i+2])<<16 | uint32(to[i+3])<<24
		}
		line := fmt.Sprintf("%s/%d flags %d affinity %t:", at(key), key[18], number(56), number(64)+number(68) != 0)
		for _, list := range []int{20, 36} { // inside, outside
			for i := range number(list + 4) {
				e := make([]byte, 20)
				if err := maps["svcmark_endpnt"].Lookup(number(list)+i, e); err != nil {
					return "", err
				}
				line += " " + at(e).String()
			}
			line += ";"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return info.Name + "\n" + strings.Join(lines, "\n") + "\n", nil
}

const foreignGroup = "svcmark-others"

// ebpfForeign makes a control group with a name like the backend's, nobody in it,
// and a program of connect in it.
func ebpfForeign(context.Context) (func() error, error) {
	tree, err := cgroup.Open()
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	own, err := cgroup.Own()
	if err != nil {
		return nil, err
	}
	if outer, ours := cgroup.Ours(own); ours {
		own = path.Dir(outer)
	}
	parent, err := tree.Dir(own)
	if err != nil {
		return nil, err
	}
	if err := unix.Mkdirat(int(parent.Fd()), foreignGroup, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	remove := func() error {
		defer parent.Close()
		return unix.Unlinkat(int(parent.Fd()), foreignGroup, unix.AT_REMOVEDIR)
	}
	dir, err := tree.Dir(path.Join(own, foreignGroup))
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	defer dir.Close()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "svcmark_foreign", Type: ebpf.CGroupSockAddr, AttachType: ebpf.AttachCGroupInet4Connect,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}, License: "GPL",
	})
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	defer p.Close()
	l, err := link.AttachRawLink(link.RawLinkOptions{Target: int(dir.Fd()), Program: p, Attach: ebpf.AttachCGroupInet4Connect})
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	return func() error { return errors.Join(l.Close(), remove()) }, nil
}
