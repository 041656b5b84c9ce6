package backendtest_test

import (
	"context"
	"regexp"

	"github.com/svcmark/svcmark/backends/backendtest"
	"github.com/svcmark/svcmark/backends/iptables"
)

func userspaceExpectations() backendtest.Expectations {
	return backendtest.Expectations{
		Dump:    userspaceDump,
		Foreign: func(ctx context.Context) (func() error, error) { return iptablesForeign(ctx, iptables.Legacy) },
	}
}

// proxyPort is where a rule has a port of the proxy, which the kernel picks.
var proxyPort = regexp.MustCompile(`(?m)(--to-ports |--to-destination \S+:|^-A KUBE-NODEPORT-NON-LOCAL .*--dport )\d+`)

// userspaceDump is iptables-save without the proxy's ports and the order of rules: new
// ones come last, when those of a proxy that starts are in the state's order.
func userspaceDump(ctx context.Context) (string, error) {
	text, err := iptablesDump(ctx, iptables.Legacy)
	if err != nil {
		return "", err
	}
	return sortedLines(proxyPort.ReplaceAllString(text, "${1}N")), nil
}
