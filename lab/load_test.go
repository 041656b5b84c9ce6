package lab_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
)

// A closed loop asks as often as it is told, with no more questions on their way than
// it has clients; flows that are kept are as many as those.
func TestClosedLoop(t *testing.T) {
	state := testState()
	top, err := lab.Build(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	defer closeTopology(t, top)
	const n, clients = 50, 3
	target := probe.Target{Protocol: backends.TCP, Addr: state.Services[0].Endpoints[0].Addr}
	for _, keep := range []bool{false, true} {
		from := map[netip.AddrPort]int{}
		var sent, answered []int64
		begun := 0
		var l probe.Latencies
		err := top.Client.Do(func() (err error) {
			s := probe.Stream{
				Targets: []probe.Target{target}, Now: lab.Now, Patience: 10 * time.Second,
				Clients: clients, Keep: keep, Questions: n, Begin: func() error { begun++; return nil },
			}
			l, err = s.Load(func(r probe.Reply) bool {
				from[r.Client]++
				sent, answered = append(sent, r.Sent), append(answered, r.At)
				return true
			})
			return err
		})
		if err != nil || len(l.Costs) != n || l.Lost != 0 || begun != 1 {
			t.Fatalf("keep %t: %d answers, %d lost, begun %d times, %v", keep, len(l.Costs), l.Lost, begun, err)
		}
		if want := map[bool]int{false: n, true: clients}[keep]; len(from) != want {
			t.Errorf("keep %t: asked over %d flows, want %d", keep, len(from), want)
		}
		for i := range sent {
			under := 0
			for j := range sent {
				if sent[j] <= sent[i] && answered[j] > sent[i] {
					under++
				}
			}
			if under > clients {
				t.Fatalf("keep %t: %d questions on their way at a time, and %d clients", keep, under, clients)
			}
		}
	}
}

// An endpoint answers a bulk once it has read all of it, and then other requests.
func TestBulk(t *testing.T) {
	state := testState()
	top, err := lab.Build(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	defer closeTopology(t, top)
	const size = 300_001 // no multiple of any buffer's
	for i, p := range []backends.Protocol{backends.TCP, backends.UDP} {
		var a probe.Amount
		err := top.Client.Do(func() (err error) {
			timer := probe.Timer{Now: lab.Now, Timeout: 10 * time.Second}
			target := probe.Target{Protocol: p, Addr: state.Services[i].Endpoints[0].Addr}
			begin, twice := func() error { return nil }, func(a probe.Amount) bool { return a.Requests >= 2 }
			if p == backends.TCP {
				a, err = timer.Bulk(target, size, begin, twice)
			} else {
				a, err = timer.Bursts(target, begin, twice)
			}
			return err
		})
		if err != nil || a.Lost != 0 || a.Cost <= 0 {
			t.Fatalf("%s: %+v, %v", p, a, err)
		}
		if want := map[backends.Protocol]int64{backends.TCP: 2 * size, backends.UDP: 64}[p]; a.Count != want {
			t.Errorf("%s: %d went through, want %d", p, a.Count, want)
		}
	}
}
