package ipvs

import (
	_ "embed"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// text is a plan in words, in its order.
func (p *plan) text() string {
	var b strings.Builder
	for _, s := range p.orderedServers {
		fmt.Fprintf(&b, "%v affinity %d %v\n", s.vip, s.affinity, s.dests)
	}
	for id, entries := range p.orderedEntries {
		for i := range entries {
			fmt.Fprintf(&b, "%s %s\n", p.sets[id], entries[i].text(kubeSets[id].typ))
		}
	}
	for _, c := range p.closed {
		fmt.Fprintf(&b, "closed %v\n", c.vips)
	}
	return b.String()
}

// ownAddrs are the node's own addresses in these tests: the state's, and one
// more of each family.
func ownAddrs() *addrs {
	var own addrs
	for _, a := range []string{"192.168.0.1", "192.168.7.1", "fd99::1", "fd99:7::1"} {
		own.own = append(own.own, ipOf(netip.MustParseAddr(a)))
	}
	return &own
}

func plansOf(t *testing.T, s *backends.State) []*plan {
	t.Helper()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	plans, err := newPlans(s, ownAddrs())
	if err != nil {
		t.Fatal(err)
	}
	return plans
}

// planGolden was read against syncProxyRules of kube-proxy 1.36.3.
//
//go:embed testdata/plan.golden
var planGolden string

func TestPlan(t *testing.T) {
	var got string
	for _, p := range plansOf(t, EveryService()) {
		got += p.text()
	}
	if got != planGolden {
		t.Errorf("got\n%s\nwant\n%s", got, planGolden)
	}
}

// objects are what a plan makes, without its bookkeeping.
func (p *plan) objects() any {
	servers := make(map[vip]server)
	for v, s := range p.servers {
		servers[v] = *s
		if len(s.dests) == 0 {
			s := *s
			s.dests = nil
			servers[v] = s
		}
	}
	var sets [setCount]map[entry]int32
	for id, counts := range p.counts {
		sets[id] = maps.Clone(counts)
		if sets[id] == nil {
			sets[id] = map[entry]int32{}
		}
	}
	return []any{servers, sets, p.rules()}
}

// After any changes a plan is that of the last state, and what the changes say
// was there is what the state before had.
func TestPlanFollowsChanges(t *testing.T) {
	hidden := 0
	for seed := range uint64(200) {
		c := Chance{rand.New(rand.NewPCG(seed, 1))}
		state := c.State(12)
		plans := plansOf(t, state)
		for step := range 5 {
			to := c.Next(state, 12)
			delta := backends.Diff(state, to)
			before, after := plansOf(t, state), plansOf(t, to)
			for i, p := range plans {
				changes, err := p.change(delta)
				if err != nil {
					t.Fatal(err)
				}
				hidden += len(p.hidden)
				if got, want := p.objects(), after[i].objects(); !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d, step %d:\n%+v\nwant\n%+v", seed, step, got, want)
				}
				for v, was := range changes.servers {
					if want := before[i].servers[v]; (was == nil) != (want == nil) || was != nil && !slices.Equal(was.dests, want.dests) {
						t.Fatalf("seed %d, step %d: %v was %+v, want %+v", seed, step, v, was, want)
					}
				}
				for e, was := range changes.entries {
					if want := before[i].counts[e.set][e.entry] > 0; was != want {
						t.Fatalf("seed %d, step %d: %s had %s: %v", seed, step, p.sets[e.set], e.text(kubeSets[e.set].typ), was)
					}
				}
			}
			state = to
		}
	}
	if hidden == 0 {
		t.Error("no two ServicePorts ever shared a VIP")
	}
}

func TestPlanRefusesTooMany(t *testing.T) {
	s := many(maxElements+1, 0)
	_, err := newPlans(s, ownAddrs())
	if err == nil || !strings.Contains(err.Error(), "set KUBE-CLUSTER-IP needs 65537 entries and holds 65536") {
		t.Errorf("%v", err)
	}
}

// restoreGolden was read against writeIptablesRules of kube-proxy 1.36.3.
//
//go:embed testdata/restore.golden
var restoreGolden string

func TestRulesFollowTheState(t *testing.T) {
	all := ruleset{family: families[0], clusterCIDR: netip.MustParsePrefix("10.128.0.0/9")}
	for id := range all.filled {
		all.filled[id] = true
	}
	all.closed = []vip{aVIP}
	if got := all.restore(jumps[:]); got != restoreGolden {
		t.Errorf("got\n%s\nwant\n%s", got, restoreGolden)
	}
	none := ruleset{family: families[0], clusterCIDR: all.clusterCIDR}
	empty := none.restore(nil)
	for _, no := range []string{"-I ", "KUBE-LOOP-BACK", "-A KUBE-SERVICES -m set", "-A KUBE-SERVICES -m comment"} {
		if strings.Contains(empty, no) {
			t.Errorf("an empty state has %q:\n%s", no, empty)
		}
	}
	undetected := ruleset{family: families[0]}
	undetected.filled[setClusterIP] = true
	if anywhere := undetected.restore(nil); !strings.Contains(anywhere, "--match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ") {
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
