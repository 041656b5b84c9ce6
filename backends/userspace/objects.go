package userspace

import (
	"context"
	"fmt"
	"strconv"

	"github.com/prometheus/procfs"

	"github.com/svcmark/svcmark/backends"
)

// Objects counts, in the kernel, the rules and the chains that are the backend's, of
// both families, and the sockets on which its process listens for clients.
func (b *Backend) Objects(ctx context.Context) (map[string]int, error) {
	n := map[string]int{"rules": 0, "chains": 0, "listening-sockets": 0}
	for _, f := range backends.Families() {
		_, tables, err := look(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("userspace: %w", err)
		}
		for _, t := range tables {
			n["chains"] += len(t.chains)
			n["rules"] += len(t.leads)
			for _, rules := range t.chains {
				n["rules"] += rules
			}
		}
	}
	for _, pid := range b.Processes() {
		sockets, err := listening(pid)
		if err != nil {
			return nil, fmt.Errorf("userspace: counting the sockets of process %d: %w", pid, err)
		}
		n["listening-sockets"] += sockets
	}
	return n, nil
}

// listening counts the sockets of a process that listen for TCP, or take UDP packets
// from anybody.
func listening(pid int) (int, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	targets, err := p.FileDescriptorTargets()
	if err != nil {
		return 0, err
	}
	has := map[string]bool{}
	for _, t := range targets {
		has[t] = true
	}
	own := func(inode uint64) bool { return has["socket:["+strconv.FormatUint(inode, 10)+"]"] }
	fs, err := procfs.NewFS(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return 0, err
	}
	count := 0
	const listens = 0x0a // TCP_LISTEN in the kernel's tcp_states.h
	for _, read := range []func() (procfs.NetTCP, error){fs.NetTCP, fs.NetTCP6} {
		lines, err := read()
		if err != nil {
			return 0, err
		}
		for _, l := range lines {
			if l.St == listens && own(l.Inode) {
				count++
			}
		}
	}
	for _, read := range []func() (procfs.NetUDP, error){fs.NetUDP, fs.NetUDP6} {
		lines, err := read()
		if err != nil {
			return 0, err
		}
		for _, l := range lines {
			if l.RemPort == 0 && own(l.Inode) {
				count++
			}
		}
	}
	return count, nil
}
