package userspace

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

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
	own := map[string]bool{}
	for _, t := range targets {
		if inode, ok := strings.CutPrefix(t, "socket:["); ok {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	count := 0
	for _, kind := range []string{"tcp", "tcp6", "udp", "udp6"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, kind))
		if os.IsNotExist(err) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return 0, err
		}
		count += openIn(table, own)
	}
	return count, nil
}

// openIn counts the sockets with these inodes in a table of sockets below /proc/net
// that are in the state TCP_LISTEN or, as UDP calls what is not connected, TCP_CLOSE
// (the kernel's tcp_states.h).
func openIn(table []byte, inodes map[string]bool) int {
	count := 0
	for line := range bytes.Lines(table) {
		const state, inode = 3, 9
		words := bytes.Fields(line)
		if len(words) <= inode || !inodes[string(words[inode])] {
			continue
		}
		if s := string(words[state]); s == "0A" || s == "07" {
			count++
		}
	}
	return count
}
