package iptables

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

func TestGuardRefuses(t *testing.T) {
	for name, spoil := range map[string]func(p *backends.ServicePort){
		"a quote in the namespace":    func(p *backends.ServicePort) { p.Namespace = `a"b` },
		"a newline in the name":       func(p *backends.ServicePort) { p.Name = "a\n-A INPUT -j DROP" },
		"a space in the port name":    func(p *backends.ServicePort) { p.PortName = "a -j ACCEPT" },
		"an upper-case name":          func(p *backends.ServicePort) { p.Name = "A" },
		"no name":                     func(p *backends.ServicePort) { p.Name = "" },
		"no namespace":                func(p *backends.ServicePort) { p.Namespace = "" },
		"a name of 64 bytes":          func(p *backends.ServicePort) { p.Name = strings.Repeat("a", 64) },
		"a leading hyphen":            func(p *backends.ServicePort) { p.Name = "-a" },
		"a trailing hyphen":           func(p *backends.ServicePort) { p.PortName = "a-" },
		"a dot":                       func(p *backends.ServicePort) { p.Name = "a.b" },
		"a protocol in lower case":    func(p *backends.ServicePort) { p.Protocol = "tcp" },
		"no ClusterIP":                func(p *backends.ServicePort) { p.ClusterIP = netip.Addr{} },
		"an IPv6 ClusterIP":           func(p *backends.ServicePort) { p.ClusterIP = netip.MustParseAddr("fd00::1") },
		"port 0":                      func(p *backends.ServicePort) { p.Port = 0 },
		"an endpoint without address": func(p *backends.ServicePort) { p.Endpoints[0].Addr = netip.AddrPort{} },
		"an IPv6 endpoint":            func(p *backends.ServicePort) { p.Endpoints[0].Addr = netip.MustParseAddrPort("[fd00::1%a -j]:80") },
		"an endpoint with port 0":     func(p *backends.ServicePort) { p.Endpoints[0].Addr = netip.MustParseAddrPort("10.160.0.1:0") },
	} {
		state := small()
		spoil(&state.Services[0])
		for _, table := range Tables() {
			var b bytes.Buffer
			if err := Render(&b, table, state, Features{}); err == nil || b.Len() > 0 {
				t.Errorf("%s: table %s: error %v and %d bytes of text, want an error alone", name, table, err, b.Len())
			}
		}
	}
}

// Whatever a name is, either it is refused, or the text has exactly the lines
// that any other name would have given and each has balanced quotes.
func TestHostileNamesChangeNoStructure(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const alphabet = "ab-09" + "AZ_." + " \t\n\r\x00\"'\\*:#;|&$`-!,é"
	word := func() string {
		b := make([]byte, random.IntN(5))
		for i := range b {
			// Mostly harmless characters, so that many words are accepted.
			n := len(alphabet)
			if random.IntN(4) > 0 {
				n = 5
			}
			b[i] = alphabet[random.IntN(n)]
		}
		return string(b)
	}
	want := strings.Count(render(t, NAT, small(), Features{}), "\n")
	accepted := 0
	for range 20_000 {
		state := small()
		p := &state.Services[2]
		p.Namespace, p.Name, p.PortName = word(), word(), word()
		var b bytes.Buffer
		if err := Render(&b, NAT, state, Features{}); err != nil {
			continue
		}
		accepted++
		if got := strings.Count(b.String(), "\n"); got != want {
			t.Fatalf("%q: %d lines, want %d", p.String(), got, want)
		}
		for line := range strings.Lines(b.String()) {
			if strings.Count(line, `"`)%2 != 0 || strings.ContainsAny(line, "'\\\r\x00") {
				t.Fatalf("%q: line %q", p.String(), line)
			}
		}
	}
	if accepted < 1000 {
		t.Fatalf("only %d words were accepted: the test shows nothing", accepted)
	}
}
