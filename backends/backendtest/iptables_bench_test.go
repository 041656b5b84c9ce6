package backendtest_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
)

// BenchmarkIPTablesSync compares a full sync from empty with iptables-restore
// fed the same text from a file, turn by turn in one process. x-restore is the
// ratio of their clocks' time (instructions, in the virtual clock) and
// x-restore-cpu that of the processor time.
func BenchmarkIPTablesSync(b *testing.B) {
	for _, c := range []struct {
		variant  iptables.Variant
		services int
	}{{iptables.Legacy, 100}, {iptables.Legacy, 1000}, {iptables.Legacy, 5000}, {iptables.NFT, 100}, {iptables.NFT, 1000}} {
		b.Run(fmt.Sprintf("backend=%s/services=%d", c.variant, c.services), func(b *testing.B) {
			state := uniform(c.services)
			backend := iptables.New(c.variant)
			file := renderFile(b, backend, state)
			clean := func() {
				if err := backend.Cleanup(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			bySync := func() {
				if err := backend.Sync(b.Context(), state); err != nil {
					b.Fatal(err)
				}
			}
			byRestore := func() {
				in, err := os.Open(file)
				if err != nil {
					b.Fatal(err)
				}
				defer in.Close()
				cmd := exec.CommandContext(b.Context(), string(c.variant)+"-restore", "-w", "5", "--noflush", "--counters")
				cmd.Stdin = in
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
			}
			clean()
			bySync() // loads what is loaded on demand
			clean()
			byRestore()
			clean()
			inTurns(b, "restore", clean, bySync, byRestore)
		})
	}
}

// BenchmarkIPTablesApply is a partial sync in which one Service loses an endpoint
// or wins it back. Nothing is deleted in a large cluster, as in kube-proxy.
func BenchmarkIPTablesApply(b *testing.B) {
	for _, v := range []iptables.Variant{iptables.Legacy, iptables.NFT} {
		for _, services := range []int{100, 1000, 5000} {
			b.Run(fmt.Sprintf("backend=%s/services=%d", v, services), func(b *testing.B) {
				backend := iptables.New(v)
				state, other := uniform(services), uniform(services)
				port := &other.Services[services/2]
				port.Endpoints = port.Endpoints[:2]
				if err := backend.Sync(b.Context(), state); err != nil {
					b.Fatal(err)
				}
				there, back := backends.Diff(state, other), backends.Diff(other, state)
				var applied cost
				for b.Loop() {
					for _, delta := range []*backends.Delta{there, back} {
						applied.add(b, func() {
							if err := backend.Apply(b.Context(), delta); err != nil {
								b.Fatal(err)
							}
						})
					}
				}
				b.ReportMetric(0, "ns/op") // it has the garbage collection in it
				b.ReportMetric(float64(applied.clock)/float64(2*b.N), "apply-ns/op")
				if err := backend.Cleanup(b.Context()); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

func renderFile(b *testing.B, backend *iptables.Backend, state *backends.State) string {
	b.Helper()
	parts, err := backend.Render(state)
	if err != nil {
		b.Fatal(err)
	}
	var text bytes.Buffer
	if err := parts[0].Write(&text); err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "rules")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return file
}

// uniform is a state of TCP Services with three endpoints each.
func uniform(services int) *backends.State {
	s := &backends.State{Node: goldenNode(), Services: make([]backends.ServicePort, services)}
	vip, endpoint := netip.MustParseAddr("10.96.0.1"), netip.MustParseAddr("10.160.0.1")
	for i := range s.Services {
		p := &s.Services[i]
		*p = backends.ServicePort{
			Namespace: "default", Name: fmt.Sprintf("svc-%06d", i),
			Protocol: backends.TCP, ClusterIP: vip, Port: 80,
			Endpoints: make([]backends.Endpoint, 3),
		}
		vip = vip.Next()
		for j := range p.Endpoints {
			p.Endpoints[j].Addr = netip.AddrPortFrom(endpoint, 8080)
			endpoint = endpoint.Next()
		}
		backends.SortEndpoints(p.Endpoints)
	}
	return s
}

func goldenNode() backends.Node {
	return backends.Node{
		Name:         "node-0",
		Addrs:        []netip.Addr{netip.MustParseAddr("192.168.0.1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9")},
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
	}
}
