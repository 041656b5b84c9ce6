package socket

import (
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ebpf/table"
)

// hook is where a program is attached.
type hook struct {
	name   string
	attach ebpf.AttachType
	six    bool
	back   bool // it restores what others translate
}

func hooks() []hook {
	return []hook{
		{"connect4", ebpf.AttachCGroupInet4Connect, false, false},
		{"connect6", ebpf.AttachCGroupInet6Connect, true, false},
		{"sendmsg4", ebpf.AttachCGroupUDP4Sendmsg, false, false},
		{"sendmsg6", ebpf.AttachCGroupUDP6Sendmsg, true, false},
		{"recvmsg4", ebpf.AttachCGroupUDP4Recvmsg, false, true},
		{"recvmsg6", ebpf.AttachCGroupUDP6Recvmsg, true, true},
		{"getpeername4", ebpf.AttachCgroupInet4GetPeername, false, true},
		{"getpeername6", ebpf.AttachCgroupInet6GetPeername, true, true},
	}
}

func (h hook) load(code asm.Instructions) (*ebpf.Program, error) {
	return table.LoadProgram(h.name, ebpf.ProgramSpec{Type: ebpf.CGroupSockAddr, AttachType: h.attach}, code)
}

// attach leads every hook of a group to a state's tables: links are attached or,
// where they are, get the new program in one step. Links die with the process.
func (m *maps) attach(t *table.Tables, group *os.File, links map[string]held) error {
	for _, h := range hooks() {
		was, there := links[h.name]
		if there && h.back {
			continue // the same program as before
		}
		p, err := m.load(t, h)
		if err != nil {
			return err
		}
		if there {
			err = was.Update(p)
		} else if was, err = hold(group, p, h.attach); err == nil {
			links[h.name] = was
		}
		p.Close() // the link holds it
		if err != nil {
			return fmt.Errorf("attaching the program of %s: %w", h.name, err)
		}
	}
	return nil
}

// load loads the program of a hook over tables.
func (m *maps) load(t *table.Tables, h hook) (*ebpf.Program, error) {
	if h.back {
		return h.load(m.restore(h.six))
	}
	return h.load(m.translate(t, h.six))
}

// held is a link that lives until it is closed, or the process ends: that of the
// library ends when the garbage collector finds that nobody uses it any more, and
// a Backend that nobody uses still serves.
type held struct {
	*link.RawLink
	fd int
}

func hold(group *os.File, p *ebpf.Program, at ebpf.AttachType) (held, error) {
	l, err := link.AttachRawLink(link.RawLinkOptions{Target: int(group.Fd()), Program: p, Attach: at})
	if err != nil {
		return held{}, err
	}
	fd, err := unix.FcntlInt(uintptr(l.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		l.Close()
		return held{}, err
	}
	return held{l, fd}, nil
}

func (h held) close() {
	unix.Close(h.fd)
	h.Close()
}
