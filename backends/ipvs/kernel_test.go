package ipvs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// needIPVS reports whether this kernel has IPVS. On a kernel without it (the
// netns lab's may be one) what is left to prove is that Probe says so; the
// microVM's has it.
func needIPVS(t *testing.T, b *ipvs.Backend) bool {
	t.Helper()
	err := b.Probe(t.Context())
	if err == nil {
		return true
	}
	missing, ok := errors.AsType[*backends.NotSupportedError](err)
	if !ok || missing.Feature == "" || missing.Mend == "" || !errors.Is(err, backends.ErrNotSupported) {
		t.Fatalf("Probe: %v, want nil or a NotSupportedError with feature and mend", err)
	}
	if os.Getenv("SVCMARK_NODE") != "netns" {
		t.Fatalf("this kernel should have it all: %v", err)
	}
	t.Logf("only Probe's refusal was tested: %v", err)
	return false
}

var (
	counters  = regexp.MustCompile(`\[\d+:\d+\]`)
	initval   = regexp.MustCompile(` initval 0x[0-9a-f]+`)
	hwaddr    = regexp.MustCompile(`link/ether [0-9a-f:]+`)
	linkIndex = regexp.MustCompile(`(?m)^\d+: `)
	comments  = regexp.MustCompile(`(?m)^#.*\n`)
)

// ownAddresses gives the node its addresses, and one more of each family that
// the state does not know; and the test's end takes them away.
func ownAddresses(t *testing.T) {
	t.Helper()
	run(t, "ip", "link", "add", "node0", "type", "dummy")
	t.Cleanup(func() { run(t, "ip", "link", "del", "node0") })
	for _, a := range []string{"192.168.0.1/24", "192.168.7.1/32", "fd99::1/64", "fd99:7::1/128"} {
		run(t, "ip", "addr", "add", a, "dev", "node0")
	}
	run(t, "ip", "link", "set", "node0", "up")
}

// dump is what the tools say of everything that the backend makes, without
// what is random or counts packets.
func dump(t *testing.T, iptables string) string {
	t.Helper()
	var b strings.Builder
	run := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).Output() // warnings are on stderr
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	// Hash tables have no order: sort by line.
	b.WriteString("# ipvsadm -Sn\n" + ordered(run("ipvsadm", "-Sn")))
	b.WriteString("# ipset save\n" + ordered(initval.ReplaceAllString(run("ipset", "save"), "")))
	addrs := "no kube-ipvs0\n"
	if out, err := exec.Command("ip", "-d", "addr", "show", "dev", "kube-ipvs0").Output(); err == nil {
		addrs = linkIndex.ReplaceAllString(hwaddr.ReplaceAllString(string(out), "link/ether MAC"), "N: ")
	}
	b.WriteString("# ip addr\n" + addrs)
	for _, program := range []string{iptables, strings.Replace(iptables, "iptables", "ip6tables", 1)} {
		rules := run(program + "-save")
		b.WriteString("# " + strings.TrimSuffix(strings.TrimSuffix(program, "-nft"), "-legacy") + "-save\n" +
			counters.ReplaceAllString(comments.ReplaceAllString(rules, ""), "[0:0]"))
	}
	for _, name := range []string{"net/ipv4/vs/conntrack", "net/ipv4/vs/expire_nodest_conn", "net/ipv4/vs/expire_quiescent_template", "net/ipv4/ip_forward"} {
		v, err := os.ReadFile("/proc/sys/" + name)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(name + " = " + string(v))
	}
	return b.String()
}

// ordered keeps a real server behind its virtual server: ipvsadm prints
// "-A -t VIP …" and "-a -t VIP -r …"; sorted by VIP, the first comes first.
func ordered(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	key := func(s string) string {
		if f := strings.Fields(s); len(f) > 2 && (f[0] == "-A" || f[0] == "-a") {
			return f[2] + f[1] + s
		}
		if f := strings.Fields(s); len(f) > 1 {
			return f[1] + map[bool]string{true: "0", false: "1"}[f[0] == "create"] + s
		}
		return s
	}
	sortBy(lines, key)
	return strings.Join(lines, "\n") + "\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := goldenFiles.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatalf("%v; got\n%s", err, got)
	}
	if string(want) != got {
		t.Errorf("got\n%s\nwant (%s)\n%s", got, path, want)
	}
}

func sync(t *testing.T, b *ipvs.Backend, s *backends.State) {
	t.Helper()
	if err := b.Sync(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

// Both paths make the golden state, in either variant, from empty and from
// anything else, and take it all back.
func TestKernelState(t *testing.T) {
	for _, iptables := range []string{"iptables-legacy", "iptables-nft"} {
		for _, path := range []ipvs.Path{ipvs.Batched, ipvs.KubeProxy} {
			t.Run(iptables+"/"+string(path), func(t *testing.T) {
				fresh := func() *ipvs.Backend { return ipvs.New(ipvs.Options{Path: path, Iptables: iptables}) }
				b := fresh()
				if !needIPVS(t, b) {
					return
				}
				ownAddresses(t)
				t.Cleanup(func() {
					if err := fresh().Cleanup(context.Background()); err != nil {
						t.Error(err)
					}
				})
				// Tables and sysctls that were touched once stay.
				sync(t, b, &backends.State{Node: ipvs.EveryService().Node})
				if err := b.Cleanup(t.Context()); err != nil {
					t.Fatal(err)
				}
				before := dump(t, iptables)
				if err := b.Probe(t.Context()); err != nil {
					t.Fatal(err)
				}
				if after := dump(t, iptables); after != before {
					t.Errorf("Probe left\n%s\nthere was\n%s", after, before)
				}

				sync(t, b, ipvs.EveryService())
				full := dump(t, iptables)
				golden(t, "state.golden", full)
				readBack(t, ipvs.EveryService())

				// Nothing changes when nothing is different.
				sync(t, b, ipvs.EveryService())
				if again := dump(t, iptables); again != full {
					t.Errorf("after a second Sync\n%s", again)
				}

				// From objects changed behind its back.
				run(t, "ipvsadm", "-E", "-t", "10.96.0.12:80", "-s", "lc", "-p", "60")
				run(t, "ipvsadm", "-e", "-t", "10.96.0.12:80", "-r", "10.128.0.9:8080", "-m", "-w", "7")
				run(t, "ipvsadm", "-A", "-t", "10.99.9.9:9", "-s", "rr")
				run(t, "ipvsadm", "-A", "-t", "[fd00::9]:9", "-s", "rr")
				for _, a := range []string{"10.99.9.8/32", "fd00::8/128"} {
					run(t, "ip", "addr", "add", a, "dev", "kube-ipvs0")
				}
				run(t, "ipset", "add", "KUBE-CLUSTER-IP", "10.99.9.7,tcp:7")
				run(t, "ipset", "add", "KUBE-6-CLUSTER-IP", "fd00::7,tcp:7")
				run(t, "ipset", "add", "KUBE-NODE-PORT-TCP", "30100")
				run(t, iptables, "-t", "nat", "-D", "OUTPUT", "-m", "comment", "--comment", "kubernetes service portals", "-j", "KUBE-SERVICES")
				run(t, iptables, "-t", "nat", "-F", "KUBE-SERVICES")
				sync(t, b, ipvs.EveryService())
				readBack(t, ipvs.EveryService())
				if again := addrsOrdered(dump(t, iptables)); again != addrsOrdered(full) {
					t.Errorf("after repair\n%s\nwant\n%s", again, full)
				}

				// From another state.
				other := ipvs.Chance{Rand: rand.New(rand.NewPCG(1, 2))}.State(6)
				sync(t, fresh(), other)
				readBack(t, other)

				// A family that the node loses takes its objects along.
				four := ipvs.EveryService()
				four.Node.Addrs, four.Node.ClusterCIDRs = four.Node.Addrs[:1], four.Node.ClusterCIDRs[:1]
				sync(t, fresh(), four)
				if text := dump(t, iptables); strings.Contains(text, "KUBE-6-") || strings.Contains(text, "[fd") || strings.Contains(text, "fd00::") {
					t.Errorf("without IPv6\n%s", text)
				}
				sync(t, b, ipvs.EveryService())
				if again := addrsOrdered(dump(t, iptables)); again != addrsOrdered(full) {
					t.Errorf("with IPv6 again\n%s\nwant\n%s", again, full)
				}

				objects, err := b.Objects(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if want := "map[addresses:29 chains:22 real-servers:76 rules:90 set-entries:124 virtual-servers:64]"; fmt.Sprint(objects) != want {
					t.Errorf("Objects: %v, want %v", objects, want)
				}

				// A virtual server that is not kube-proxy's stays.
				run(t, "ipvsadm", "-A", "-t", "172.16.0.1:80", "-s", "lc")
				for range 2 {
					if err := fresh().Cleanup(t.Context()); err != nil {
						t.Fatal(err)
					}
					if out := run(t, "ipvsadm", "-Sn"); out != "-A -t 172.16.0.1:80 -s lc\n" {
						t.Errorf("Cleanup left\n%s", out)
					}
				}
				run(t, "ipvsadm", "-D", "-t", "172.16.0.1:80")
				if after := dump(t, iptables); after != before {
					t.Errorf("Cleanup left\n%s\nthere was\n%s", after, before)
				}
			})
		}
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// feed runs a program with an input.
func feed(t *testing.T, input string, argv ...string) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s\nof\n%s", argv, err, out, input)
	}
}

// The kernel's refusals name their object.
func TestKernelRefusals(t *testing.T) {
	b := ipvs.New(ipvs.Options{Iptables: "iptables-legacy"})
	if !needIPVS(t, b) {
		return
	}
	t.Cleanup(func() {
		if err := b.Cleanup(context.Background()); err != nil {
			t.Error(err)
		}
	})
	wrong := ipvs.EveryService()
	// A multicast address is no real server.
	at := slices.IndexFunc(wrong.Services, func(p backends.ServicePort) bool { return p.Name == "local" })
	wrong.Services[at].Endpoints[1].Addr = netip.MustParseAddrPort("224.0.0.5:80")
	err := b.Sync(t.Context(), wrong)
	if err == nil || !strings.Contains(err.Error(), "adding real server 224.0.0.5:80 of virtual server tcp 10.96.0.12:80") {
		t.Errorf("Sync: %v, want it to name the real server", err)
	}
	missing := ipvs.New(ipvs.Options{Scheduler: "nosuch", Iptables: "iptables-legacy"})
	if err := missing.Probe(t.Context()); !errors.Is(err, backends.ErrNotSupported) || !strings.Contains(err.Error(), "ip_vs_nosuch") {
		t.Errorf("Probe of an unknown scheduler: %v", err)
	}
	if err := missing.Sync(t.Context(), ipvs.EveryService()); err == nil || !strings.Contains(err.Error(), "modprobe ip_vs_nosuch") {
		t.Errorf("Sync with an unknown scheduler: %v", err)
	}
	// A set of another type is in the way.
	if err := b.Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, "ipset", "create", "KUBE-IPVS-IPS", "hash:ip,port")
	if err := b.Sync(t.Context(), ipvs.EveryService()); err == nil || !strings.Contains(err.Error(), "creating set KUBE-IPVS-IPS") {
		t.Errorf("Sync over a set of another type: %v", err)
	}
	run(t, "ipset", "destroy", "KUBE-IPVS-IPS")
}
