package measure

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/probe"
)

func TestSpreadCountsLossesAsSlowest(t *testing.T) {
	for _, test := range []struct {
		costs []int64
		lost  int
		want  Spread
	}{
		{nil, 0, Spread{}},
		{[]int64{5}, 0, Spread{N: 1, Min: 5, Median: 5, P99: 5, Max: 5}},
		{[]int64{9, 1, 5, 3}, 0, Spread{N: 4, Min: 1, Median: 4, P99: 9, Max: 9}},
		{[]int64{9, 1, 5}, 1, Spread{N: 4, Lost: 1, Min: 1, Median: 7, P99: 1e9, Max: 1e9}},
		{[]int64{1}, 2, Spread{N: 3, Lost: 2, Min: 1, Median: 1e9, P99: 1e9, Max: 1e9}},
	} {
		got := spreadOf(probe.Latencies{Costs: test.costs, Lost: test.lost}, time.Second)
		if got != test.want {
			t.Errorf("%v and %d lost: %+v, want %+v", test.costs, test.lost, got, test.want)
		}
	}
	var hundred []int64
	for i := range 100 {
		hundred = append(hundred, int64(i+1))
	}
	if got := spreadOf(probe.Latencies{Costs: hundred}, time.Second).P99; got != 99 {
		t.Errorf("the 99th percentile of 1 to 100 is %d, want 99", got)
	}
}

func TestPositions(t *testing.T) {
	state := &backends.State{}
	for _, name := range []string{"a", "none", "notready", "b", "elsewhere", "ipv6", "c", "udp"} {
		p := backends.ServicePort{Name: name, Protocol: backends.TCP, ClusterIP: netip.MustParseAddr("10.96.0.1"), Endpoints: make([]backends.Endpoint, 1)}
		switch name {
		case "notready":
			p.Endpoints[0].Conditions = backends.NotReady
		case "elsewhere":
			p.InternalLocal = true
		case "ipv6":
			p.ClusterIP = netip.MustParseAddr("fd00::1")
		case "none":
			p.Endpoints = nil
		case "udp":
			p.Protocol = backends.UDP
		}
		state.Services = append(state.Services, p)
	}
	for pos, want := range map[Position]string{First: "a", Middle: "b", Last: "c"} {
		for _, p := range pos.at(state, backends.TCP, backends.IPv4, 3, 1) {
			if p.Name != want {
				t.Errorf("%s is %s, want %s", pos, p.Name, want)
			}
		}
	}
	one, again, other := Random.at(state, backends.TCP, backends.IPv4, 50, 1), Random.at(state, backends.TCP, backends.IPv4, 50, 1), Random.at(state, backends.TCP, backends.IPv4, 50, 2)
	drawn, same, different := map[string]bool{}, true, false
	for i := range one {
		drawn[one[i].Name] = true
		same = same && one[i] == again[i]
		different = different || one[i] != other[i]
	}
	if len(drawn) != 3 || drawn["none"] || !same || !different {
		t.Errorf("drew %v; the same again: %v; another seed draws others: %v", drawn, same, different)
	}
	if got := First.at(&backends.State{}, backends.TCP, backends.IPv4, 3, 1); got != nil {
		t.Errorf("no Services: %v", got)
	}
}

// The change of a Service is one of it alone, to a port that nobody has.
func TestPortChanges(t *testing.T) {
	state := &backends.State{}
	for _, port := range []uint16{65535, 1, 2} {
		state.Services = append(state.Services, backends.ServicePort{
			Namespace: "a", Name: "b", PortName: fmt.Sprint(port), Protocol: backends.TCP, ClusterIP: netip.MustParseAddr("10.96.0.1"), Port: port,
		})
	}
	there := portChanges(state, 0)
	for i, want := range []struct{ left, now uint16 }{{65535, 3}, {3, 65535}} {
		c := there[i].delta.Changes
		if len(c) != 1 || c[0].New.Port != want.now || there[i].left.Port() != want.left {
			t.Errorf("%s: %d changes to port %d, and %s is left", there[i].name, len(c), c[0].New.Port, there[i].left)
		}
	}
	if state.Services[0].Port != 65535 {
		t.Error("the state itself was changed")
	}
}
