package backendtest_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/backends/backendtest"
	"github.com/svcmark/svcmark/backends/iptables"
)

// ipvsExpectations are of a backend whose rules a variant of iptables takes:
// what the other variant holds stays empty.
func ipvsExpectations(v iptables.Variant) backendtest.Expectations {
	return backendtest.Expectations{
		// A virtual server without real servers drops what arrives.
		Refuses: false,
		Dump:    ipvsDump,
		Foreign: func(ctx context.Context) (func() error, error) { return ipvsForeign(ctx, v) },
	}
}

var (
	randomSeed  = regexp.MustCompile(` initval 0x[0-9a-f]+`)
	deviceIndex = regexp.MustCompile(`^\d+: `)
)

// ipvsDump is what the tools print, line by line in alphabetical order: hash
// tables have none.
func ipvsDump(ctx context.Context) (string, error) {
	var b strings.Builder
	for _, argv := range [][]string{
		{"ipvsadm", "-Sn"},
		{"ipset", "save"},
		{"ip", "-o", "addr", "show"},
		{"ip", "-o", "link", "show", "type", "dummy"},
	} {
		out, err := run(ctx, "", argv[0], argv[1:]...)
		if err != nil {
			return "", err
		}
		var lines []string
		for line := range strings.Lines(out) {
			line, _, _ = strings.Cut(deviceIndex.ReplaceAllString(randomSeed.ReplaceAllString(line, ""), ""), " link/")
			lines = append(lines, strings.TrimSpace(line))
		}
		slices.Sort(lines)
		b.WriteString(strings.Join(argv, " ") + "\n" + strings.Join(lines, "\n") + "\n")
	}
	for _, v := range []iptables.Variant{iptables.Legacy, iptables.NFT} {
		rules, err := iptablesDump(ctx, v)
		if err != nil {
			return "", err
		}
		b.WriteString(string(v) + "\n" + rules)
	}
	return b.String(), nil
}

// ipvsForeign puts others' objects beside the backend's: rules, a set, an
// address and a device, and virtual servers that kube-proxy for IPv4 leaves
// alone.
func ipvsForeign(ctx context.Context, v iptables.Variant) (func() error, error) {
	rules, err := iptablesForeign(ctx, v)
	if err != nil {
		return nil, err
	}
	for _, argv := range [][]string{
		{"ipset", "create", "KUBE-MINE", "hash:ip"},
		{"ipset", "add", "KUBE-MINE", "10.96.0.10"},
		{"ip", "link", "add", "kube-ipvs1", "type", "dummy"},
		{"ip", "addr", "add", "10.96.0.10/32", "dev", "kube-ipvs1"},
		{"ipvsadm", "-A", "-f", "7", "-s", "rr"},
		{"ipvsadm", "-A", "-t", "[fd00::1]:80", "-s", "rr"},
	} {
		if _, err := run(ctx, "", argv[0], argv[1:]...); err != nil {
			return nil, err
		}
	}
	return func() error {
		err := rules()
		for _, argv := range [][]string{
			{"ipset", "destroy", "KUBE-MINE"},
			{"ip", "link", "del", "kube-ipvs1"},
			{"ipvsadm", "-D", "-f", "7"},
			{"ipvsadm", "-D", "-t", "[fd00::1]:80"},
		} {
			_, e := run(context.Background(), "", argv[0], argv[1:]...)
			err = errors.Join(err, e)
		}
		return err
	}, nil
}
