package measure

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"github.com/vishvananda/netlink"
)

// tables is what the node's kernel remembers of connections. A kernel without
// connection tracking, or whose namespace does not use it, has no entries.
type tables struct {
	entries int // of connection tracking
	ipvs    int // established TCP connections that IPVS has; -1 where it is not loaded
	stat    procfs.ConntrackStatEntry
}

const (
	conntrackCount = "/proc/sys/net/netfilter/nf_conntrack_count"
	conntrackMax   = "/proc/sys/net/netfilter/nf_conntrack_max"
)

func readTables() (t tables, err error) {
	if t.entries, err = readNumber(conntrackCount); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	if t.ipvs, err = ipvsConnections(); err != nil {
		return t, err
	}
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return t, err
	}
	perCPU, err := proc.ConntrackStat()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return t, fmt.Errorf("reading the statistics of connection tracking: %w", err)
	}
	for _, s := range perCPU {
		t.stat.Drop += s.Drop
		t.stat.EarlyDrop += s.EarlyDrop
		t.stat.InsertFailed += s.InsertFailed
	}
	return t, nil
}

func readNumber(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// ipvsConnections counts the lines of established TCP connections.
func ipvsConnections() (int, error) {
	f, err := os.Open("/proc/net/ip_vs_conn")
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n := 0
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if l := lines.Text(); strings.HasPrefix(l, "TCP ") && strings.Contains(l, " ESTABLISHED ") {
			n++
		}
	}
	return n, lines.Err()
}

// forget empties connection tracking: what was measured before must not run out
// meanwhile.
func forget() error {
	if _, err := os.Stat(conntrackCount); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := netlink.ConntrackTableFlush(netlink.ConntrackTable); err != nil {
		return fmt.Errorf("emptying the table of connections: %w", err)
	}
	settle()
	return nil
}
