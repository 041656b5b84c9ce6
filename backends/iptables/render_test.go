package iptables

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func render(t testing.TB, table Table, state *backends.State, f Features) string {
	t.Helper()
	var b bytes.Buffer
	if err := Render(&b, table, state, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRender(t *testing.T) {
	for _, table := range Tables() {
		t.Run(string(table), func(t *testing.T) {
			got := render(t, table, small(), Features{})
			golden := filepath.Join("testdata", "small."+string(table))
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// kube-proxy's own law: 5 static rules, and 2 + 3 E a ServicePort with
// E > 0 endpoints; one REJECT in filter for one without.
func TestNumberOfRules(t *testing.T) {
	for _, endpoints := range []int{0, 1, 2, 3, 10} {
		state := uniform(7, endpoints)
		nat, filter := 5, 4
		if endpoints > 0 {
			nat += 7 * (2 + 3*endpoints)
		} else {
			filter += 7
		}
		if got := strings.Count(render(t, NAT, state, Features{}), "\n-A "); got != nat {
			t.Errorf("%d endpoints: %d nat rules, want %d", endpoints, got, nat)
		}
		if got := strings.Count(render(t, Filter, state, Features{}), "\n-A "); got != filter {
			t.Errorf("%d endpoints: %d filter rules, want %d", endpoints, got, filter)
		}
	}
}

func TestLargeClusterLeavesTheEndpointsComments(t *testing.T) {
	// 1,000 endpoints are not large, 1,001 are.
	at := render(t, NAT, uniform(500, 2), Features{})
	if got, want := strings.Count(at, " --comment default/svc-"), 2*1000; got != want {
		t.Errorf("1,000 endpoints: %d comments in KUBE-SEP rules, want %d", got, want)
	}
	if got, want := strings.Count(at, " -> "), 1000; got != want {
		t.Errorf("1,000 endpoints: %d comments in balance rules, want %d", got, want)
	}
	above := render(t, NAT, uniform(1001, 1), Features{})
	if got := strings.Count(above, " --comment default/svc-") + strings.Count(above, " -> "); got != 0 {
		t.Errorf("1,001 endpoints: %d comments an endpoint, want none", got)
	}
	if got, want := strings.Count(above, ` cluster IP"`), 2*1001; got != want {
		t.Errorf("1,001 endpoints: %d comments a Service, want %d", got, want)
	}
}

func TestFeatures(t *testing.T) {
	for _, c := range []struct {
		features Features
		want     string // the first rule of KUBE-FORWARD
	}{
		{Features{}, "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP"},
		{Features{NFAcct: true}, "-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name ct_state_invalid_dropped_pkts -j DROP"},
		{Features{TCPLiberal: true}, `-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x004000/0x004000 -j ACCEPT`},
		{Features{NFAcct: true, TCPLiberal: true}, `-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x004000/0x004000 -j ACCEPT`},
	} {
		_, rules, _ := strings.Cut(render(t, Filter, small(), c.features), "\n-A KUBE-FORWARD")
		got, _, _ := strings.Cut("-A KUBE-FORWARD"+rules, "\n")
		if got != c.want {
			t.Errorf("%+v: %s, want %s", c.features, got, c.want)
		}
	}
}

func TestNoClusterCIDRNoMasquerade(t *testing.T) {
	state := small()
	state.Node = backends.Node{Name: "node-0"}
	nat := render(t, NAT, state, Features{})
	if strings.Contains(nat, "! -s") {
		t.Errorf("without a ClusterCIDR there is nothing to tell pods by:\n%s", nat)
	}
}

func TestProbability(t *testing.T) {
	for n, want := range map[int]string{2: "0.5000000000", 3: "0.3333333333", 7: "0.1428571429", 1000: "0.0010000000"} {
		if got := probability(n); got != want {
			t.Errorf("1/%d = %s, want %s", n, got, want)
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRenderTellsOfAFailedWrite(t *testing.T) {
	if err := Render(failingWriter{}, NAT, uniform(1000, 3), Features{}); err != io.ErrClosedPipe {
		t.Errorf("got %v, want the writer's error", err)
	}
}

func BenchmarkRender(b *testing.B) {
	for name, state := range map[string]*backends.State{"services=5000": uniform(5000, 3), "services=10000": uniform(10000, 3)} {
		b.Run(name, func(b *testing.B) {
			var space hashes
			b.ReportAllocs()
			for b.Loop() {
				r := newRuleset(state, Features{}, nil, space)
				space = r.hashes
				if err := r.write(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
