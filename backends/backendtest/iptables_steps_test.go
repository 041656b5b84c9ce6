package backendtest_test

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
)

// TestIPTablesEqualsKubeProxysSteps programs one state twice: by the backend,
// in one restore, and step by step as kube-proxy does: each chain by its own
// -N, each jump by its own -C and -I, and the rules by a restore. The kernel
// must not tell the difference.
func TestIPTablesEqualsKubeProxysSteps(t *testing.T) {
	for _, v := range []iptables.Variant{iptables.Legacy, iptables.NFT} {
		t.Run(string(v), func(t *testing.T) {
			b := iptables.New(v)
			state := goldenState()
			defer cleanUp(t, b)
			if err := b.Sync(t.Context(), state); err != nil {
				t.Fatal(err)
			}
			one := saved(t, v)
			cleanUp(t, b)
			step(t, v, state)
			if steps := saved(t, v); steps != one {
				t.Errorf("in one restore\n%s\nstep by step\n%s", one, steps)
			}
		})
	}
}

// savedGolden is embedded because the microVM has no source tree.
//
//go:embed testdata/iptables.save
var savedGolden string

// TestIPTablesReadBack compares what the kernel holds with a golden file: the
// rules as iptables-save prints them. Both variants print the same.
func TestIPTablesReadBack(t *testing.T) {
	for _, v := range []iptables.Variant{iptables.Legacy, iptables.NFT} {
		t.Run(string(v), func(t *testing.T) {
			b := iptables.New(v)
			defer cleanUp(t, b)
			if err := b.Sync(t.Context(), goldenState()); err != nil {
				t.Fatal(err)
			}
			got := saved(t, v)
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile("testdata/iptables.save", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != savedGolden {
				t.Errorf("got\n%s\nwant\n%s", got, savedGolden)
			}
			n, err := b.Objects(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if rules, chains := strings.Count(got, "\n-A "), strings.Count(got, "\n:"); n["rules"] != rules || n["chains"] != chains {
				t.Errorf("Objects gives %v, the kernel holds %d rules and %d chains", n, rules, chains)
			}
		})
	}
}

// nfacctMatch is left out of comparisons: kernels without nfacct lack it.
var nfacctMatch = regexp.MustCompile(` -m nfacct --nfacct-name +\S+`)

func saved(t *testing.T, v iptables.Variant) string {
	t.Helper()
	text, err := iptablesDump(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return nfacctMatch.ReplaceAllString(text, "")
}

func cleanUp(t *testing.T, b *iptables.Backend) {
	t.Helper()
	if err := b.Cleanup(t.Context()); err != nil {
		t.Error(err)
	}
}

// step does what the backend does the way that kube-proxy does it.
func step(t *testing.T, v iptables.Variant, state *backends.State) {
	t.Helper()
	must := func(input, tool string, args ...string) {
		t.Helper()
		if _, err := run(t.Context(), input, tool, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range iptables.Tables() {
		must("", string(v), "-w", "5", "-N", "KUBE-PROXY-CANARY", "-t", string(table))
	}
	parts, err := iptables.New(v).Render(state)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := parts[0].Write(&text); err != nil {
		t.Fatal(err)
	}
	var rules strings.Builder
	table := ""
	for line := range strings.Lines(text.String()) {
		if line[0] == '*' {
			table = strings.TrimSpace(line[1:])
		}
		jump, isJump := strings.CutPrefix(line, "-I ")
		if strings.Contains(line, "KUBE-PROXY-CANARY") {
			continue
		}
		if !isJump {
			rules.WriteString(line)
			continue
		}
		args := words(jump)
		// The chain exists already when an earlier jump led to it.
		_, _ = run(t.Context(), "", string(v), "-w", "5", "-N", args[len(args)-1], "-t", table)
		rule := append([]string{args[0], "-t", table}, args[1:]...)
		if _, err := run(t.Context(), "", string(v), append([]string{"-w", "5", "-C"}, rule...)...); err == nil {
			continue
		}
		must("", string(v), append([]string{"-w", "5", "-I"}, rule...)...)
	}
	must(rules.String(), string(v)+"-restore", "-w", "5", "--noflush", "--counters")
}

// words splits a rule as iptables-restore does.
func words(rule string) []string {
	var out []string
	for i, part := range strings.Split(strings.TrimSpace(rule), `"`) {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}

func goldenState() *backends.State {
	endpoint := func(i int) backends.Endpoint {
		return backends.Endpoint{Addr: addrPort(fmt.Sprintf("10.160.0.%d:8080", i))}
	}
	port := func(name, portName string, proto backends.Protocol, vip string, endpoints ...backends.Endpoint) backends.ServicePort {
		at := addrPort(vip)
		return backends.ServicePort{
			Namespace: "ns1", Name: name, PortName: portName, Protocol: proto,
			ClusterIP: at.Addr(), Port: at.Port(), Endpoints: endpoints,
		}
	}
	return &backends.State{Node: goldenNode(), Services: []backends.ServicePort{
		port("dns", "dns", backends.UDP, "10.96.0.10:53", endpoint(1)),
		port("empty", "", backends.TCP, "10.96.0.12:443"),
		port("svc1", "p80", backends.TCP, "10.96.0.11:80", endpoint(2), endpoint(3), endpoint(4)),
	}}
}
