package backendtest_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/backends/backendtest"
	"github.com/svcmark/svcmark/backends/iptables"
)

func iptablesExpectations(v iptables.Variant) backendtest.Expectations {
	return backendtest.Expectations{
		Refuses: true,
		Dump:    func(ctx context.Context) (string, error) { return iptablesDump(ctx, v) },
		Foreign: func(ctx context.Context) (func() error, error) { return iptablesForeign(ctx, v) },
	}
}

// iptablesDump is iptables-save of both families, without comments, and without
// built-in chains: the kernel, or the tool, makes those when a table is first
// looked at.
func iptablesDump(ctx context.Context, v iptables.Variant) (string, error) {
	var b strings.Builder
	for _, name := range iptablesNames(v) {
		for _, table := range iptables.Tables() {
			out, err := run(ctx, "", name+"-save", "-t", string(table))
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "*%s\n", table)
			for line := range strings.Lines(out) {
				if strings.HasPrefix(line, "-A ") || strings.HasPrefix(line, ":") && strings.Contains(line, " - [") {
					b.WriteString(line)
				}
			}
		}
	}
	return b.String(), nil
}

// iptablesNames are the variant's command for each family.
func iptablesNames(v iptables.Variant) []string {
	return []string{string(v), strings.Replace(string(v), "ip", "ip6", 1)}
}

// sortedLines lose the order of a chain's rules: kube-proxy walks its Services in that
// of a Go map, and a userspace proxy puts what comes last. Package conformance
// compares the order that matters.
func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Rules of others: beside the backend's jumps, in a chain of their own, and
// the canary of the kubelet, whose name begins like the backend's chains.
const foreignRules = `*filter
:MINE - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
-I INPUT -s 203.0.113.1/32 -j DROP
-A INPUT -s 203.0.113.2/32 -m comment --comment "kubernetes health check service ports" -j MINE
-A MINE -j RETURN
COMMIT
*nat
:KUBE-SE - [0:0]
-A KUBE-SE -d 203.0.113.3/32 -j RETURN
-A PREROUTING -d 203.0.113.3/32 -j KUBE-SE
COMMIT
`

const foreignRemoval = `*filter
:MINE - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
-D INPUT -s 203.0.113.1/32 -j DROP
-D INPUT -s 203.0.113.2/32 -m comment --comment "kubernetes health check service ports" -j MINE
-X MINE
-X KUBE-KUBELET-CANARY
COMMIT
*nat
:KUBE-SE - [0:0]
-D PREROUTING -d 203.0.113.3/32 -j KUBE-SE
-X KUBE-SE
COMMIT
`

func iptablesForeign(ctx context.Context, v iptables.Variant) (func() error, error) {
	if _, err := run(ctx, foreignRules, string(v)+"-restore", "--noflush"); err != nil {
		return nil, err
	}
	return func() error {
		_, err := run(context.Background(), foreignRemoval, string(v)+"-restore", "--noflush")
		return err
	}, nil
}

func run(ctx context.Context, input, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, said.String())
	}
	return out.String(), nil
}
