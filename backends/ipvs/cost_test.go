package ipvs

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
)

// many is a state of n Services with e endpoints each.
func many(n, e int) *backends.State {
	next := func(a netip.Addr, i int) netip.Addr {
		b := a.As4()
		i += int(b[2])<<8 | int(b[3])
		b[1] += byte(i >> 16)
		b[2], b[3] = byte(i>>8), byte(i)
		return netip.AddrFrom4(b)
	}
	s := &backends.State{Node: backends.Node{Name: "node-0", Addrs: []netip.Addr{netip.MustParseAddr("192.168.0.1")}, ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9")}}}
	for i := range n {
		p := backends.ServicePort{
			Namespace: "default", Name: fmt.Sprintf("svc-%06d", i), PortName: "http", Protocol: backends.TCP,
			ClusterIP: next(netip.MustParseAddr("10.96.0.1"), i), Port: 80,
		}
		for j := range e {
			host := netip.MustParseAddr([]string{"10.160.0.1", "10.192.0.1"}[j%2])
			p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: netip.AddrPortFrom(next(host, i*e+j), 8080)})
		}
		backends.SortEndpoints(p.Endpoints)
		s.Services = append(s.Services, p)
	}
	return s
}

// operations counts the netlink operations of a full sync: a virtual server, a
// real server, an address and a set entry are one each.
func operations(p *plan) (n map[string]int, total int) {
	n = map[string]int{"virtual-servers": len(p.orderedServers), "addresses": len(p.orderedEntries[setIPVSAddrs])}
	for _, entries := range p.orderedEntries {
		n["set-entries"] += len(entries)
	}
	for _, s := range p.orderedServers {
		n["real-servers"] += len(s.dests)
	}
	for _, v := range n {
		total += v
	}
	return n, total
}

// planned is the plan of IPv4 of a state.
func planned(tb testing.TB, state *backends.State) *plan {
	tb.Helper()
	plans, err := newPlans(state, &addrs{own: []ip{ipOf(state.Node.Addrs[0])}})
	if err != nil {
		tb.Fatal(err)
	}
	return plans[0]
}

// tools feeds the bare tools the rendering of the same state, and says what each
// took on the lab's clock. Nothing of that is the time that it takes to render.
func tools(ctx context.Context, b *Backend, state *backends.State) (map[string]int64, error) {
	parts, err := b.Render(state)
	if err != nil {
		return nil, err
	}
	took := make(map[string]int64)
	for _, part := range parts {
		var input bytes.Buffer
		if err := part.Write(&input); err != nil {
			return nil, err
		}
		start := lab.Now()
		if _, err := runProgram(ctx, input.Bytes(), part.Command[0], part.Command[1:]...); err != nil {
			return nil, err
		}
		took[strings.Join(part.Command[:2], " ")] = lab.Now() - start
	}
	return took, nil
}

// onFreshNode runs do in a network namespace of its own. A used one is no
// match: IPVS keeps removed real servers for minutes and looks through all of
// them whenever one is added.
func onFreshNode(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		done <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return err
			}
			lo, err := netlink.LinkByName("lo")
			if err != nil {
				return err
			}
			if err := netlink.LinkSetUp(lo); err != nil {
				return err
			}
			return do()
		}()
	}()
	return <-done
}

// needIPVS reports whether there is something to measure: on the netns lab's
// kernel there need not be, in the microVM there must.
func needIPVS(tb testing.TB, b *Backend) bool {
	tb.Helper()
	err := b.Probe(tb.Context())
	if err == nil {
		return true
	}
	if os.Getenv("SVCMARK_NODE") != "netns" {
		tb.Fatal(err)
	}
	tb.Logf("nothing to measure: %v", err)
	return false
}

// A full sync from empty costs less than half of what the bare tools need for
// the same virtual servers, real servers and addresses, although it also makes
// the sets and the rules. Both are measured here on the same clock:
// instructions in the microVM.
func TestCostAgainstTools(t *testing.T) {
	b := New(Options{Iptables: "iptables-legacy"})
	if !needIPVS(t, b) {
		return
	}
	for _, n := range []int{1000, 5000} {
		state := many(n, 3)
		kinds, ops := operations(planned(t, state))
		var bare map[string]int64
		err := onFreshNode(func() (err error) {
			bare, err = tools(t.Context(), b, state)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var ours int64
		var objects map[string]int
		err = onFreshNode(func() (err error) {
			start := lab.Now()
			if err = b.Sync(t.Context(), state); err != nil {
				return err
			}
			ours = lab.Now() - start
			objects, err = b.Objects(t.Context())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for kind, n := range kinds {
			if objects[kind] != n {
				t.Errorf("%d %s, want %d", objects[kind], kind, n)
			}
		}
		ratio := float64(bare["ipvsadm -R"]+bare["ip -batch"]) / float64(ours)
		t.Logf("%d Services: %d operations, Sync %d (%d each); tools %v; ratio %.2f", n, ops, ours, ours/int64(ops), bare, ratio)
		const limit = 40_000 // instructions for a netlink operation, all in
		if each := ours / int64(ops); os.Getenv(lab.NodeEnv) == "vm" && each > limit {
			t.Errorf("%d Services: %d instructions for a netlink operation, want at most %d", n, each, limit)
		}
		if ratio < 2 {
			t.Errorf("%d Services: ipvsadm -R and ip -batch took %.2f x Sync, want at least 2", n, ratio)
		}
	}
}

// BenchmarkPath is a full sync from empty by each path, per operation.
func BenchmarkPath(b *testing.B) {
	for _, path := range []Path{Batched, KubeProxy} {
		for _, n := range []int{100, 1000, 5000} {
			b.Run(fmt.Sprintf("path=%s/services=%d", path, n), func(b *testing.B) {
				back := New(Options{Path: path, Iptables: "iptables-legacy"})
				if !needIPVS(b, back) {
					b.Skip("no IPVS")
				}
				state := many(n, 3)
				_, ops := operations(planned(b, state))
				var took int64
				for b.Loop() {
					err := onFreshNode(func() error {
						start := lab.Now()
						err := back.Sync(b.Context(), state)
						took += lab.Now() - start
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(took)/float64(b.N)/float64(ops), "insns/operation")
				b.ReportMetric(float64(took)/float64(b.N), "insns/sync")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkStage is the cost of each kind of operation in a full sync.
func BenchmarkStage(b *testing.B) {
	back := New(Options{Iptables: "iptables-legacy"})
	if !needIPVS(b, back) {
		b.Skip("no IPVS")
	}
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprintf("services=%d", n), func(b *testing.B) {
			p := planned(b, many(n, 3))
			took := make(map[string]int64)
			for b.Loop() {
				if err := onFreshNode(func() error { return stages(b.Context(), back, p, took) }); err != nil {
					b.Fatal(err)
				}
			}
			kinds, _ := operations(p)
			for stage, total := range took {
				per := max(kinds[stage], 1)
				b.ReportMetric(float64(total)/float64(b.N)/float64(per), "insns/"+stage)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// stages is syncBatched from empty, with the clock read between the kinds.
func stages(ctx context.Context, b *Backend, p *plan, took map[string]int64) error {
	start := lab.Now()
	var k *kernel
	for _, stage := range []struct {
		name string
		do   func() error
	}{
		{"opening", func() (err error) { k, err = openKernel(); return err }},
		{"sysctls", func() error { return b.sysctls.set(sysctls(backends.KernelRelease())) }},
		{"set-entries", func() error { return k.addToSets(p, nil) }},
		{"rules", func() error { rules := p.rules(); return b.tables(p.family).sync(ctx, &rules) }},
		{"addresses", func() error { return k.syncAddrs(ctx, nodeState{}, []*plan{p}) }},
		{"virtual-servers", func() error {
			for _, s := range p.orderedServers {
				if err := k.putVirtualServer(cmdNewService, s.vip, b.service(p.family, s)); err != nil {
					return err
				}
			}
			return k.ipvs.Flush()
		}},
		{"real-servers", func() error {
			for _, s := range p.orderedServers {
				for _, d := range s.dests {
					if err := k.putRealServer(cmdNewDest, s.vip, d, 1); err != nil {
						return err
					}
				}
			}
			return k.ipvs.Flush()
		}},
	} {
		if err := stage.do(); err != nil {
			return err
		}
		now := lab.Now()
		took[stage.name] += now - start
		start = now
	}
	k.close()
	return nil
}
