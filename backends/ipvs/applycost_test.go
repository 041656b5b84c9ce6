package ipvs

import (
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
)

// changed is a state with one Service in the middle changed.
func changed(from *backends.State, change func(*backends.ServicePort)) *backends.State {
	to := *from
	to.Services = slices.Clone(from.Services)
	p := &to.Services[len(to.Services)/2]
	p.Endpoints = slices.Clone(p.Endpoints)
	change(p)
	return &to
}

// A change costs the same with ten times as many Services. An address is the
// exception: the kernel walks through those that kube-ipvs0 has.
func TestCostOfApply(t *testing.T) {
	b := New(Options{Iptables: "iptables-legacy"})
	if !needIPVS(t, b) {
		return
	}
	const repeat = 9 // one call's figure has a tick of the timer in it, or page faults
	cost := make(map[string][]int64)
	for _, n := range []int{1000, 10_000} {
		full := many(n, 3)
		fewer := changed(full, func(p *backends.ServicePort) { p.Endpoints = p.Endpoints[:2] })
		moved := changed(full, func(p *backends.ServicePort) { p.ClusterIP = netip.MustParseAddr("10.100.0.1") })
		took := make(map[string][]int64)
		err := onFreshNode(func() error {
			if err := b.Sync(t.Context(), full); err != nil {
				return err
			}
			for range repeat {
				for _, step := range []struct {
					name     string
					from, to *backends.State
				}{
					{"nothing", full, full}, {"endpoint removed", full, fewer}, {"endpoint added", fewer, full},
					{"ClusterIP moved", full, moved}, {"ClusterIP moved", moved, full},
				} {
					delta := backends.Diff(step.from, step.to)
					// What a Sync and a Diff leave to the collector is not Apply's.
					runtime.GC()
					start := lab.Now()
					if err := b.Apply(t.Context(), delta); err != nil {
						return err
					}
					took[step.name] = append(took[step.name], lab.Now()-start)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, all := range took {
			slices.Sort(all)
			cost[name] = append(cost[name], all[len(all)/2])
		}
	}
	for name, c := range cost {
		t.Logf("%s: %d at 1,000 Services, %d at 10,000 (medians)", name, c[0], c[1])
		if os.Getenv(lab.NodeEnv) == "vm" && name != "ClusterIP moved" && float64(c[1]) > 1.25*float64(c[0]) {
			t.Errorf("%s costs %d instructions at 10,000 Services, and %d at 1,000", name, c[1], c[0])
		}
	}
}
