package backendtest

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/svcmark/svcmark/backends"
)

const (
	// hashClients are the clients whose shares are judged.
	hashClients = 200
	// hashEndpoints are those of the Service that loses one.
	hashEndpoints = 8
	// mostStray is the share of clients that may change their endpoint when another
	// one goes. Maglev moves some: its table of 4,093 places (ip_vs_mh.c, with
	// CONFIG_IP_VS_MH_TAB_INDEX=12) is filled anew, in turns (Eisenbud et al., Maglev,
	// NSDI 2016, section 3.4). Who deals all places anew moves most of them.
	mostStray = 0.1
)

// hashServices are what shares are judged with, all over UDP: the weighted
// endpoints, several with equal weights, and those without one.
func hashServices(a addresses, base int, scheduler string) (byWeight, full, less backends.ServicePort) {
	byWeight = lawService(a, base, scheduler, weighted, 0)
	byWeight.Name, byWeight.Protocol = scheduler+"-hash-weighted", backends.UDP
	var endpoints, rest []backends.Endpoint
	for i := range hashEndpoints {
		e := a.remote(2*lawEndpoints + i)
		endpoints = append(endpoints, e)
		if e != a.lostEndpoint() {
			rest = append(rest, e)
		}
	}
	full = a.service(base+21, scheduler+"-hash", backends.UDP, endpoints...)
	less = a.service(base+22, scheduler+"-hash-less", backends.UDP, rest...)
	return byWeight, full, less
}

// lostEndpoint is the one that goes.
func (a addresses) lostEndpoint() backends.Endpoint { return a.remote(2*lawEndpoints + 2) }

// hashSource is the i-th client: sh tells addresses apart, and mh ports too.
func (l *lawful) hashSource(i int) netip.AddrPort {
	if l.scheduler.name == "mh" {
		return netip.AddrPortFrom(l.local(100).Addr.Addr(), l.port+uint16(500+i))
	}
	return netip.AddrPortFrom(l.local(i).Addr.Addr(), l.port+500)
}

// answers are who answers each client.
func (l *lawful) answers(p *backends.ServicePort) ([]int, error) {
	met := make([]int, hashClients)
	return met, l.topology.Pods.Do(func() error {
		for i := range met {
			c, err := l.connect(p, l.hashSource(i))
			if err != nil {
				return err
			}
			c.close()
			met[i] = c.met
		}
		return nil
	})
}

// hashes holds sh and mh to the shares that their hashes deal, and shows what each
// does when an endpoint goes: the one moves most clients, the other few.
func (l *lawful) hashes(t *testing.T, byWeight, full, less *backends.ServicePort) {
	var met [3][]int
	for i, p := range []*backends.ServicePort{byWeight, full, less} {
		var err error
		if met[i], err = l.answers(p); err != nil {
			t.Fatal(err)
		}
	}
	var equal []int
	for range hashEndpoints {
		equal = append(equal, 1)
	}
	var weights []int
	for _, s := range servers(weighted) {
		weights = append(weights, s.weight)
	}
	if err := dealt(met[1], equal); err != nil {
		t.Error(err)
	}
	if err := dealt(met[0], weights); err != nil {
		t.Error(err)
	}
	if err := dealt(met[0], append(weights[2:], weights[:2]...)); err == nil {
		t.Error("the shares pass for those of weights that are not theirs")
	}
	gone, err := placeOf(full, l.lostEndpoint().Addr)
	if err != nil {
		t.Fatal(err)
	}
	share := strayed(met[1], met[2], gone)
	t.Logf("when one of %d endpoints goes, %.1f %% of the others' clients move", hashEndpoints, 100*share)
	if few := share <= mostStray; few != (l.scheduler.name == "mh") {
		t.Errorf("%.1f %% of the clients of the other endpoints move", 100*share)
	}
}

// dealt tells of places that do not have the shares of their weights: of counts that
// independent draws exceed with the probability of falseAlarm (Pearson's
// chi-square).
func dealt(met, weights []int) error {
	counts, total := make([]int, len(weights)), 0
	for _, at := range met {
		if at == none {
			return errors.New("a client is not answered")
		}
		counts[at]++
	}
	for _, w := range weights {
		total += w
	}
	x := 0.0
	for i, n := range counts {
		mean := float64(len(met)*weights[i]) / float64(total)
		x += (float64(n) - mean) * (float64(n) - mean) / mean
	}
	if limit := (distuv.ChiSquared{K: float64(len(weights) - 1)}).Quantile(1 - falseAlarm); x > limit {
		return fmt.Errorf("the shares %v are not those of the weights %v: chi-square %.1f, at most %.1f", counts, weights, x, limit)
	}
	return nil
}

// strayed is the share of clients that have another place although their own is
// still there, in lists that are equal but for the place that is gone.
func strayed(before, after []int, gone int) float64 {
	kept, moved := 0, 0
	for i, was := range before {
		if was == gone {
			continue
		}
		kept++
		if is := after[i]; is >= gone && is+1 != was || is < gone && is != was {
			moved++
		}
	}
	return float64(moved) / float64(kept)
}

func TestSharesOfHashesCanFail(t *testing.T) {
	one, equal := make([]int, hashClients), []int{1, 1, 1, 1}
	if dealt(one, equal) == nil {
		t.Error("one place for all passes for equal shares")
	}
	if one[7] = none; dealt(one, equal) == nil {
		t.Error("a client without an answer passes")
	}
	inTurn := make([]int, hashClients)
	for i := range inTurn {
		inTurn[i] = i % 4
	}
	if err := dealt(inTurn, equal); err != nil {
		t.Error(err)
	}
	if s := strayed([]int{0, 1, 2, 3}, []int{0, 1, 0, 2}, 2); s != 0 {
		t.Errorf("nobody strayed, and it is %v", s)
	}
	if s := strayed([]int{0, 1, 2, 3}, []int{1, 1, 0, 0}, 2); s != 2./3 {
		t.Errorf("two of three strayed, and it is %v", s)
	}
}
