package measure_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/measure"
)

// churned is a dataplane that changes deltas before it applies them.
type churned struct {
	*nftables.Backend
	sabotage func(*backends.Delta) *backends.Delta // nil for none
	apply    func(context.Context, *backends.Delta) error
}

func (b *churned) Apply(ctx context.Context, d *backends.Delta) error {
	if b.apply != nil {
		return b.apply(ctx, d)
	}
	if b.sabotage != nil {
		d = b.sabotage(d)
	}
	return b.Backend.Apply(ctx, d)
}

// churnOf measures churn, and gives the result of the changes and the UDP flow's.
func churnOf(t *testing.T, b *churned, kind string) (tcp, udp map[string]float64) {
	t.Helper()
	b.Backend = nftables.New(nftables.Layout136)
	cell := testCell(t, b)
	cell.Clock = clockHere()
	cell.Traffic = measure.Traffic{Rate: 400}
	cell.Churn = measure.ChurnPlan{Rate: 20, Duration: time.Second, Kind: kind}
	if err := cell.Program(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Cleanup(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	seen, err := taken(t, measure.Churn{}, cell)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 2 {
		t.Fatalf("%d results: %v", len(seen), seen)
	}
	name, tcp := values(seen[0])
	other, udp := values(seen[1])
	if name != kind || other != "udp-stale" || seen[0].N != 400 {
		t.Fatalf("results of %q (%d) and %q", name, seen[0].N, other)
	}
	t.Log(tcp, udp)
	return tcp, udp
}

func TestChurn(t *testing.T) {
	for _, kind := range []string{measure.ChurnRolling, measure.ChurnFlapping} {
		t.Run(kind, func(t *testing.T) {
			tcp, udp := churnOf(t, &churned{}, kind)
			if exactHere() && tcp["failed/op"] > 0 || tcp["misdirected/op"] > 0 {
				t.Errorf("a right dataplane: %v", tcp)
			}
			if tcp["lag-"+clockHere().TimeUnit()] <= 0 || tcp["max-lag-"+clockHere().TimeUnit()] < tcp["lag-"+clockHere().TimeUnit()] || tcp["inconsistent"] <= 0 || tcp["max-waiting"] < 1 {
				t.Errorf("no lag: %v", tcp)
			}
			if udp["stale/op"]+udp["failed/op"] > 0 {
				t.Errorf("conntrack has the flow of an endpoint that went: %v", udp)
			}
		})
	}
}

// A dataplane that is slow has its changes wait, and its clients meet what is gone, but
// only until it says that it is done.
func TestChurnOfASlowBackend(t *testing.T) {
	if !exactHere() {
		return
	}
	b := &churned{sabotage: func(d *backends.Delta) *backends.Delta {
		time.Sleep(200 * time.Millisecond)
		return d
	}}
	tcp, _ := churnOf(t, b, measure.ChurnRolling)
	if tcp["misdirected/op"] > 0 || tcp["stale/op"] == 0 || tcp["max-waiting"] < 3 || tcp["inconsistent"] < 0.5 {
		t.Errorf("it takes 200 ms a change, of which one is due each 50 ms: %v", tcp)
	}
}

// A dataplane that is said to be done and forgets a removal now and then is found out.
func TestChurnOfAForgetfulBackend(t *testing.T) {
	if !exactHere() {
		return
	}
	b := &churned{}
	var kernel *backends.State // which is not always what was asked for
	applies := 0
	b.apply = func(ctx context.Context, d *backends.Delta) error {
		if kernel == nil {
			kernel = d.From
		}
		to := &backends.State{Node: d.To.Node, Services: slices.Clone(d.To.Services)}
		if applies++; applies%2 == 0 { // what is forgotten serves until the next change
			for _, c := range d.Changes {
				forget(to, c)
			}
		}
		err := b.Backend.Apply(ctx, backends.Diff(kernel, to))
		kernel = to
		return err
	}
	if tcp, _ := churnOf(t, b, measure.ChurnRolling); tcp["misdirected/op"] == 0 || tcp["failed/op"] > 0 {
		t.Errorf("nothing was misdirected: %v", tcp)
	}
}

// forget keeps the endpoints of a Service that a change takes away.
func forget(state *backends.State, c backends.Change) {
	at := slices.IndexFunc(state.Services, func(p backends.ServicePort) bool { return p.Key() == c.New.Key() })
	p := &state.Services[at]
	p.Endpoints = slices.Clone(p.Endpoints)
	for _, e := range c.Old.Endpoints {
		if !slices.ContainsFunc(p.Endpoints, func(o backends.Endpoint) bool { return o.Addr == e.Addr }) {
			p.Endpoints = append(p.Endpoints, e)
		}
	}
	slices.SortFunc(p.Endpoints, func(a, b backends.Endpoint) int { return a.Compare(&b) })
}

// A dataplane that takes a Service out while it changes it fails its clients.
func TestChurnOfABackendThatDropsTheService(t *testing.T) {
	if !exactHere() {
		return
	}
	b := &churned{}
	b.apply = func(ctx context.Context, d *backends.Delta) error {
		without := &backends.State{Node: d.From.Node}
		for _, p := range d.From.Services {
			if p.Key() != d.Changes[0].Old.Key() {
				without.Services = append(without.Services, p)
			}
		}
		if err := b.Backend.Apply(ctx, backends.Diff(d.From, without)); err != nil {
			return err
		}
		time.Sleep(40 * time.Millisecond)
		return b.Backend.Apply(ctx, backends.Diff(without, d.To))
	}
	if tcp, _ := churnOf(t, b, measure.ChurnRolling); tcp["failed/op"] == 0 || tcp["misdirected/op"] > 0 {
		t.Errorf("a Service that is not there for a while: %v", tcp)
	}
}

func TestChurnNotApplicable(t *testing.T) {
	cell := &measure.Cell{Backend: dialed{}, State: testState()}
	if _, err := taken(t, measure.Churn{}, cell); err == nil || !strings.Contains(err.Error(), "not applicable: this backend knows full syncs only") {
		t.Errorf("without Apply: %v", err)
	}
}
