package conformance

import (
	"cmp"
	"context"
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// captureIPVS reads virtual servers, sets, the device that has the addresses, the
// rules around them and the sysctls.
func captureIPVS(ctx context.Context, variant string) ([]section, error) {
	var sections []section
	for _, s := range []struct {
		argv      []string
		normalise func(string) []string
	}{
		{[]string{"ipvsadm", "-Sn"}, normaliseVirtualServers},
		{[]string{"ipset", "save"}, normaliseSets},
		{[]string{"ip", "-o", "link", "show", "dev", "kube-ipvs0"}, normaliseLinks},
		{[]string{"ip", "-o", "addr", "show", "dev", "kube-ipvs0"}, normaliseLinks},
	} {
		text, err := run(ctx, s.argv[0], s.argv[1:]...)
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && s.argv[0] == "ip" {
			text, err = "no such device\n", nil
		}
		if err != nil {
			return nil, err
		}
		sections = append(sections, section{strings.Join(s.argv, " "), s.normalise(text)})
	}
	rules, err := captureIPTables(ctx, variant)
	if err != nil {
		return nil, err
	}
	return appendSysctls(append(sections, rules...),
		"net/ipv4/vs/conntrack", "net/ipv4/vs/conn_reuse_mode", "net/ipv4/vs/expire_nodest_conn", "net/ipv4/vs/expire_quiescent_template",
		"net/ipv4/ip_forward", "net/ipv4/conf/all/arp_ignore", "net/ipv4/conf/all/arp_announce")
}

// normaliseVirtualServers sorts the virtual servers, which the kernel keeps in a
// hash table, and the real servers of each, which kube-proxy adds in random
// order. Each virtual server is followed by its real ones.
func normaliseVirtualServers(text string) []string {
	lines := slices.Collect(strings.Lines(text))
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	slices.SortFunc(lines, func(a, b string) int {
		f, g := strings.SplitN(a, " ", 4), strings.SplitN(b, " ", 4) // -A or -a, -t or -u, the address, the rest
		if len(f) < 4 || len(g) < 4 {
			return strings.Compare(a, b)
		}
		return cmp.Or(strings.Compare(f[1]+f[2], g[1]+g[2]), strings.Compare(f[0], g[0]), strings.Compare(f[3], g[3]))
	})
	return lines
}

// initval is the random seed of a set's hash function.
var initval = regexp.MustCompile(` initval 0x[0-9a-f]+`)

// normaliseSets sorts sets, which kube-proxy makes in random order, and their
// entries, which lie in hash tables.
func normaliseSets(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(initval.ReplaceAllString(line, "")))
	}
	slices.SortFunc(lines, func(a, b string) int { // "create NAME …" or "add NAME …"
		f, g := strings.SplitN(a, " ", 3), strings.SplitN(b, " ", 3)
		if len(f) < 3 || len(g) < 3 {
			return strings.Compare(a, b)
		}
		return cmp.Or(strings.Compare(f[1], g[1]), strings.Compare(g[0], f[0]), strings.Compare(f[2], g[2]))
	})
	return lines
}

// What the kernel chooses of a device: its number, and a random hardware address.
var (
	linkNumber  = regexp.MustCompile(`^\d+: `)
	linkAddress = regexp.MustCompile(`link/ether [0-9a-f:]+ `)
)

// normaliseLinks sorts addresses: the order is that of their being added.
func normaliseLinks(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = linkAddress.ReplaceAllString(linkNumber.ReplaceAllString(line, ""), "link/ether … ")
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	slices.Sort(lines)
	return lines
}
