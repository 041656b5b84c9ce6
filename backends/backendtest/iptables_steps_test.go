package backendtest_test

import (
	"bytes"
	_ "embed"
	"fmt"
	"net/netip"
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
			all, err := iptablesDump(t.Context(), v)
			if err != nil {
				t.Fatal(err)
			}
			n := objectsOf(t, b)
			if rules, chains := strings.Count(all, "\n-A "), strings.Count(all, "\n:"); n["rules"] != rules || n["chains"] != chains {
				t.Errorf("Objects gives %v, the kernel holds %d rules and %d chains", n, rules, chains)
			}
		})
	}
}

// What is left out of comparisons, for kernels without nfacct lack it: the match
// of a rule, and the rules that only count.
var (
	nfacctMatch = regexp.MustCompile(` -m nfacct --nfacct-name +ct_state_invalid_dropped_pkts`)
	nfacctRule  = regexp.MustCompile(`(?m)^.* -m nfacct --nfacct-name +localhost_nps_accepted_pkts.*\n`)
)

func saved(t *testing.T, v iptables.Variant) string {
	t.Helper()
	text, err := iptablesDump(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return nfacctMatch.ReplaceAllString(nfacctRule.ReplaceAllString(text, ""), "")
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
	parts, err := iptables.New(v).Render(state)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		var text bytes.Buffer
		if err := part.Write(&text); err != nil {
			t.Fatal(err)
		}
		stepFamily(t, strings.TrimSuffix(part.Command[0], "-restore"), text.String())
	}
}

func stepFamily(t *testing.T, tool, text string) {
	t.Helper()
	must := func(input, tool string, args ...string) {
		t.Helper()
		if _, err := run(t.Context(), input, tool, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range iptables.Tables() {
		must("", tool, "-w", "5", "-N", "KUBE-PROXY-CANARY", "-t", string(table))
	}
	var rules strings.Builder
	table := ""
	for line := range strings.Lines(text) {
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
		_, _ = run(t.Context(), "", tool, "-w", "5", "-N", args[len(args)-1], "-t", table)
		rule := append([]string{args[0], "-t", table}, args[1:]...)
		if _, err := run(t.Context(), "", tool, append([]string{"-w", "5", "-C"}, rule...)...); err == nil {
			continue
		}
		must("", tool, append([]string{"-w", "5", "-I"}, rule...)...)
	}
	must(rules.String(), tool+"-restore", "-w", "5", "--noflush", "--counters")
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

// goldenState has a little of everything, in both families.
func goldenState() *backends.State {
	s := &backends.State{Node: newCluster(0, backends.Families()...).node}
	for _, f := range backends.Families() {
		endpoint := func(i int) backends.Endpoint {
			a := pick(f, fmt.Sprintf("10.160.0.%d", i), fmt.Sprintf("fd00:10:0:40::%d", i))
			return backends.Endpoint{Addr: netip.AddrPortFrom(a, 8080), Local: i == 4}
		}
		port := func(name, portName string, proto backends.Protocol, vip, port int, endpoints ...backends.Endpoint) *backends.ServicePort {
			s.Services = append(s.Services, backends.ServicePort{
				Namespace: "ns1", Name: name, PortName: portName, Protocol: proto,
				ClusterIP: pick(f, fmt.Sprintf("10.96.0.%d", vip), fmt.Sprintf("fd00:96::%d", vip)), Port: uint16(port), Endpoints: endpoints,
			})
			return &s.Services[len(s.Services)-1]
		}
		port("dns", "dns", backends.UDP, 10, 53, endpoint(1))
		port("empty", "", backends.TCP, 12, 443)
		port("svc1", "p80", backends.TCP, 11, 80, endpoint(2), endpoint(3), endpoint(4))
		p := port("balanced", "", backends.TCP, 13, 80, endpoint(3), endpoint(4))
		p.NodePort, p.ExternalLocal, p.HealthCheckNodePort, p.AffinitySeconds = 30080, true, 32000, 10800
		p.ExternalIPs = []netip.Addr{pick(f, "198.51.100.1", "2001:db8:1::1")}
		p.LoadBalancerIPs = []netip.Addr{pick(f, "203.0.113.1", "2001:db8:2::1")}
		p.SourceRanges = []netip.Prefix{prefix(s.Node.Addr(f), 8)}
		p = port("elsewhere", "", backends.SCTP, 14, 80, endpoint(3))
		p.NodePort, p.ExternalLocal, p.InternalLocal = 30081, true, true
	}
	return s
}
