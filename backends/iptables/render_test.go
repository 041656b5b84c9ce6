package iptables

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// render is the text of all parts, each behind its command.
func render(t testing.TB, state *backends.State) string {
	t.Helper()
	parts, err := New(Legacy).Render(state)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, p := range parts {
		fmt.Fprintf(&b, "# %s\n", strings.Join(p.Command, " "))
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// table is one table of a text of one part.
func table(text string, table Table) string {
	_, text, _ = strings.Cut(text, "*"+string(table)+"\n")
	text, _, _ = strings.Cut(text, "COMMIT\n")
	return text
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// What is there without any Service, in both families.
func TestRenderNothing(t *testing.T) {
	golden(t, "nothing.rules", render(t, &backends.State{Node: testNode()}))
}

// What each feature of a Service adds to that, in both families.
func TestRender(t *testing.T) {
	for name, edit := range features() {
		t.Run(name, func(t *testing.T) {
			state := &backends.State{Node: testNode(), Services: []backends.ServicePort{web(backends.IPv4), web(backends.IPv6)}}
			edit(&state.Node, &state.Services[0])
			edit(&state.Node, &state.Services[1])
			if err := state.Check(); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".rules", without(render(t, state), render(t, &backends.State{Node: state.Node})))
		})
	}
}

// without is a text without the lines that another one has.
func without(text, other string) string {
	var b strings.Builder
	has := map[string]bool{}
	for line := range strings.Lines(other) {
		has[line] = !strings.HasPrefix(line, "*") && !strings.HasPrefix(line, "#")
	}
	for line := range strings.Lines(text) {
		if !has[line] {
			b.WriteString(line)
		}
	}
	return b.String()
}

// kube-proxy's own law: 5 static rules, and 2 + 3 E a ServicePort with
// E > 0 endpoints; one REJECT in filter for one without. Each chain is declared
// once.
func TestNumberOfRules(t *testing.T) {
	for _, endpoints := range []int{0, 1, 2, 3, 10} {
		text := render(t, uniform(7, endpoints))
		nat, filter, chains := 5, 4, 5
		if endpoints > 0 {
			nat += 7 * (2 + 3*endpoints)
			chains += 7 * (1 + endpoints)
		} else {
			filter += 7
		}
		for _, c := range []struct {
			table Table
			start string
			want  int
		}{{NAT, "-A ", nat}, {Filter, "-A ", filter}, {NAT, ":", chains}} {
			if got := strings.Count("\n"+table(text, c.table), "\n"+c.start); got != c.want {
				t.Errorf("%d endpoints: %d lines %q in %s, want %d", endpoints, got, c.start, c.table, c.want)
			}
		}
	}
}

// Every chain that a rule leads to is declared, and every declared one of a
// Service has a rule and is led to.
func TestChainsAreWhole(t *testing.T) {
	jump := regexp.MustCompile(`-j (KUBE-\S+)`)
	for name, edit := range features() {
		state := &backends.State{Node: testNode(), Services: []backends.ServicePort{web(backends.IPv4)}}
		edit(&state.Node, &state.Services[0])
		text := render(t, state)
		for _, table := range []string{table(text, Filter), table(text, NAT)} {
			declared, led, filled := map[string]bool{}, map[string]bool{}, map[string]bool{}
			for line := range strings.Lines(table) {
				switch {
				case line[0] == ':':
					chain := strings.Fields(line[1:])[0]
					if declared[chain] {
						t.Errorf("%s: %s is declared twice", name, chain)
					}
					declared[chain] = true
				case strings.HasPrefix(line, "-A KUBE-"):
					filled[strings.Fields(line)[1]] = true
				}
				if to := jump.FindStringSubmatch(line); to != nil {
					led[to[1]] = true
				}
			}
			for chain := range declared {
				if isServiceChain(chain) && (!led[chain] || !filled[chain]) {
					t.Errorf("%s: %s is led to: %v, has rules: %v", name, chain, led[chain], filled[chain])
				}
			}
			for chain := range led {
				if !declared[chain] {
					t.Errorf("%s: %s is not declared", name, chain)
				}
			}
		}
	}
}

func TestLargeClusterLeavesTheEndpointsComments(t *testing.T) {
	// 1,000 endpoints are not large, 1,001 are, even if they are of no use.
	at := render(t, uniform(500, 2))
	if got, want := strings.Count(at, " --comment default/svc-"), 2*1000; got != want {
		t.Errorf("1,000 endpoints: %d comments in KUBE-SEP rules, want %d", got, want)
	}
	if got, want := strings.Count(at, " -> "), 1000; got != want {
		t.Errorf("1,000 endpoints: %d comments in balance rules, want %d", got, want)
	}
	state := uniform(1001, 1)
	state.Services[7].Endpoints[0].Conditions = backends.NotReady
	above := render(t, state)
	if got := strings.Count(above, " --comment default/svc-") + strings.Count(above, " -> "); got != 0 {
		t.Errorf("1,001 endpoints: %d comments an endpoint, want none", got)
	}
	if got, want := strings.Count(above, ` cluster IP"`), 2*1000; got != want {
		t.Errorf("1,001 endpoints: %d comments a Service, want %d", got, want)
	}
	// Each family is counted by itself.
	state = uniform(1000, 1)
	state.Services = append(state.Services, web(backends.IPv6))
	if got := strings.Count(render(t, state), " --comment default/svc-"); got == 0 {
		t.Error("an IPv6 endpoint makes IPv4's cluster large")
	}
}

func TestFeatures(t *testing.T) {
	const accept = `-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x004000/0x004000 -j ACCEPT`
	for _, c := range []struct {
		features Features
		forward  string // the first rule of KUBE-FORWARD
		counted  int    // rules for node ports on 127.0.0.0/8
	}{
		{Features{}, "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP", 0},
		{Features{NFAcct: true}, "-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name ct_state_invalid_dropped_pkts -j DROP", 1},
		{Features{TCPLiberal: true}, accept, 0},
		{Features{NFAcct: true, TCPLiberal: true}, accept, 1},
	} {
		for _, f := range backends.Families() {
			state := &backends.State{Node: testNode(), Services: []backends.ServicePort{web(f)}}
			state.Services[0].NodePort = 30080
			r := newRuleset(f, state, space{}, nil, false)
			r.features = c.features
			var b bytes.Buffer
			if err := r.write(&b); err != nil {
				t.Fatal(err)
			}
			_, rules, _ := strings.Cut(table(b.String(), Filter), "\n-A KUBE-FORWARD")
			got, _, _ := strings.Cut("-A KUBE-FORWARD"+rules, "\n")
			if got != c.forward {
				t.Errorf("%+v: %s, want %s", c.features, got, c.forward)
			}
			if f == backends.IPv6 {
				c.counted = 0 // it has no node ports on its loopback
			}
			if got := strings.Count(b.String(), " -d 127.0.0.0/8 --dport 30080 -m nfacct --nfacct-name localhost_nps_accepted_pkts -j KUBE-EXT-"); got != c.counted {
				t.Errorf("%+v, %s: %d rules count node ports on localhost, want %d", c.features, f, got, c.counted)
			}
		}
	}
}

func TestProbability(t *testing.T) {
	for n, want := range map[int]string{2: "0.5000000000", 3: "0.3333333333", 7: "0.1428571429", 1000: "0.0010000000"} {
		if got := probability(n); got != want {
			t.Errorf("1/%d = %s, want %s", n, got, want)
		}
	}
}

func TestFamiliesFollowTheNodesAddresses(t *testing.T) {
	v4, v6 := testNode().Addrs[0], testNode().Addrs[1]
	for _, c := range []struct {
		addrs []netip.Addr
		want  string
	}{
		{[]netip.Addr{v4}, "iptables.rules"},
		{[]netip.Addr{v6}, "iptables.rules ip6tables.rules"},
		{[]netip.Addr{v6, v4}, "iptables.rules ip6tables.rules"},
		{nil, "iptables.rules"},
	} {
		state := small()
		state.Node.Addrs = c.addrs
		parts, err := New(NFT).Render(state)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range parts {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%v: %s, want %s", c.addrs, got, c.want)
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRenderTellsOfAFailedWrite(t *testing.T) {
	parts, err := New(Legacy).Render(uniform(1000, 3))
	if err != nil {
		t.Fatal(err)
	}
	if err := parts[0].Write(failingWriter{}); err != io.ErrClosedPipe {
		t.Errorf("got %v, want the writer's error", err)
	}
}

func TestOrdinaryServicesCostNoAllocation(t *testing.T) {
	var s space
	allocs := func(services int) float64 {
		state := uniform(services, 3)
		return testing.AllocsPerRun(10, func() {
			r := newRuleset(backends.IPv4, state, s, nil, false)
			s = r.space
			if err := r.write(io.Discard); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := allocs(10), allocs(2000); many > few {
		t.Errorf("%v allocations for 10 Services, %v for 2,000", few, many)
	}
}

// BenchmarkRender writes the text from nothing, and with the names of the
// ruleset before.
func BenchmarkRender(b *testing.B) {
	for _, services := range []int{5000, 10000} {
		for _, again := range []bool{false, true} {
			b.Run(fmt.Sprintf("services=%d/again=%v", services, again), func(b *testing.B) {
				state := uniform(services, 3)
				s := newRuleset(backends.IPv4, state, space{}, nil, false).space
				b.ReportAllocs()
				for b.Loop() {
					if !again {
						s = space{}
					}
					r := newRuleset(backends.IPv4, state, s, nil, false)
					s = r.space
					if err := r.write(io.Discard); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
