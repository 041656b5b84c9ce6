package ipvs

import (
	_ "embed"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

func port(name, vip string, proto backends.Protocol, endpoints ...string) backends.ServicePort {
	at := netip.MustParseAddrPort(vip)
	p := backends.ServicePort{Namespace: "ns", Name: name, Protocol: proto, ClusterIP: at.Addr(), Port: at.Port()}
	for _, e := range endpoints {
		local := strings.HasPrefix(e, "10.128.")
		p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: netip.MustParseAddrPort(e), Local: local})
	}
	return p
}

func TestDesire(t *testing.T) {
	w, err := desire(&backends.State{Services: []backends.ServicePort{
		port("a", "10.96.0.1:53", backends.TCP, "10.128.0.9:53", "10.128.0.9:53", "10.160.0.1:53"),
		port("b", "10.96.0.1:53", backends.UDP),
		port("c", "10.96.0.2:53", backends.TCP, "10.128.0.9:53"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(w.addrs, w.loopback)
	for _, s := range w.servers {
		got += fmt.Sprint("\n", s.vip, s.dests)
	}
	want := "[[10 96 0 1] [10 96 0 2]] [{[10 128 0 9] 53 6 [10 128 0 9]}]" +
		"\ntcp 10.96.0.1:53 [10.128.0.9:53 10.160.0.1:53]\nudp 10.96.0.1:53 []\ntcp 10.96.0.2:53 [10.128.0.9:53]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDesireRefuses(t *testing.T) {
	many := make([]backends.ServicePort, maxElements+1)
	for i := range many {
		many[i] = port("x", fmt.Sprintf("10.%d.%d.%d:80", 96+i>>16, i>>8&255, i&255), backends.TCP)
	}
	for want, services := range map[string][]backends.ServicePort{
		"two ServicePorts have the VIP tcp 10.96.0.1:80": {port("a", "10.96.0.1:80", backends.TCP), port("b", "10.96.0.1:80", backends.TCP)},
		`protocol "SCTP"`:                 {port("a", "10.96.0.1:80", "SCTP")},
		"only IPv4 with a port":           {port("a", "[fd00::1]:80", backends.TCP)},
		"Endpoint 10.160.0.1:0 of ns/a":   {port("a", "10.96.0.1:80", backends.TCP, "10.160.0.1:0")},
		"needs 65537 entries and holds 6": many,
	} {
		if _, err := desire(&backends.State{Services: services}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// restoreGolden was read against writeIptablesRules of kube-proxy 1.36.3.
//
//go:embed testdata/restore.golden
var restoreGolden string

func TestRulesFollowTheState(t *testing.T) {
	all := ruleset{clusterCIDR: netip.MustParsePrefix("10.128.0.0/9"), clusterIPs: true, loopBack: true}
	if got := all.restore(jumps[:]); got != restoreGolden {
		t.Errorf("got\n%s\nwant\n%s", got, restoreGolden)
	}
	empty := ruleset{clusterCIDR: all.clusterCIDR}.restore(nil)
	for _, no := range []string{"-I ", "KUBE-LOOP-BACK", "-A KUBE-SERVICES -m set", "-A KUBE-SERVICES -m comment"} {
		if strings.Contains(empty, no) {
			t.Errorf("an empty state has %q:\n%s", no, empty)
		}
	}
	anywhere := ruleset{clusterIPs: true}.restore(nil)
	if !strings.Contains(anywhere, "--match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ") {
		t.Errorf("without a cluster CIDR:\n%s", anywhere)
	}
}

func TestSaved(t *testing.T) {
	text := "# c\n*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n:KUBE-FORWARD - [0:0]\n" +
		"-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n" +
		"-A PREROUTING -j OTHER\n-A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN\nCOMMIT\n" +
		"*filter\n:OTHER - [0:0]\n-A INPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\nCOMMIT\n"
	s := parseSave(text)
	// KUBE-FORWARD is ours in the table filter only.
	if s.rules != 2 || len(s.chains) != 1 || len(s.jumps) != 1 {
		t.Errorf("%+v", s)
	}
	want := "*nat\n-D PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n-F KUBE-SERVICES\n-X KUBE-SERVICES\nCOMMIT\n"
	if got := s.removal(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := parseSave("").removal(); got != "" {
		t.Errorf("from nothing: %q", got)
	}
}

func FuzzSave(f *testing.F) {
	f.Add("*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -j RETURN\nCOMMIT\n")
	f.Add(":\n*\n-A \n")
	f.Fuzz(func(t *testing.T, text string) {
		s := parseSave(text)
		if (s.removal() == "") != (len(s.jumps)+len(s.chains) == 0) {
			t.Errorf("%+v: %q", s, s.removal())
		}
	})
}

func TestSysctlsByKernel(t *testing.T) {
	for release, reuse := range map[string]bool{
		"3.10.0-1160.el7": false, "4.0.9": false, "4.1.0": true, "4.19.0-26": true, "5.8.18": true, "5.9.0": false, "6.1.0-56-cloud-amd64": false, "6.10": false, "x": false,
	} {
		if got := strings.Contains(fmt.Sprint(sysctls(release)), "conn_reuse_mode"); got != reuse {
			t.Errorf("%s: conn_reuse_mode set: %v, want %v", release, got, reuse)
		}
	}
	dir := sysctlDir(t.TempDir())
	path := filepath.Join(string(dir), "net/x")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := dir.set([]sysctl{{"net/x", "1"}}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); !strings.HasPrefix(string(got), "1") {
		t.Errorf("got %q", got)
	}
	if err := dir.set([]sysctl{{"net/none", "1"}}); err == nil {
		t.Error("a setting that does not exist was set")
	}
}
