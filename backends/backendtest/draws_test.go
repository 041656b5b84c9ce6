package backendtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// twosAsks are the connections whose draws are judged: enough for the limit of
// drawnByOdds to be less than what keeps other laws apart.
const twosAsks = 800

// twos is the chance of each real server that the scheduler of that name chooses it:
// it draws two by weight, which may be the same, and takes the one with fewer
// connections by weight, the first at a tie. The range that it draws from has one
// number more than the weights' sum, and that is the first real server's
// (ip_vs_twos_schedule in net/netfilter/ipvs/ip_vs_twos.c).
func twos(all []server) []float64 {
	sum, first := 0, none
	for i, s := range all {
		sum += s.weight
		if s.weight > 0 && first < 0 {
			first = i
		}
	}
	draw := func(i int) float64 {
		n := all[i].weight
		if i == first {
			n++
		}
		return float64(n) / float64(sum+1)
	}
	odds := make([]float64, len(all))
	for i, a := range all {
		for j, b := range all {
			chosen := i
			if b.weight*a.load() > a.weight*b.load() {
				chosen = j
			}
			odds[chosen] += draw(i) * draw(j)
		}
	}
	return odds
}

// drawnByOdds tells of choices that are not such draws. Two sums are compared with what is
// expected of them: how often the one with the least load by weight is chosen, and
// how often each is. Each choice is a draw of known odds, given the ones before it,
// so that each sum strays from its expectation by more than the limit with a
// probability of at most falseAlarm (Azuma's inequality).
func drawnByOdds(met []int, weights []server, odds func([]server) []float64) error {
	all := append([]server(nil), weights...)
	limit := math.Sqrt(float64(len(met)) / 2 * math.Log(2*float64(len(all)+1)/falseAlarm))
	stray := make([]float64, len(all)+1) // the last is of the least load
	for _, at := range met {
		if at == none {
			return fmt.Errorf("a connection is not answered")
		}
		least := weightedLeast(all)
		for i, p := range odds(all) {
			hit := 0.0
			if i == at {
				hit = 1
			}
			stray[i] += hit - p
			if i == least {
				stray[len(all)] += hit - p
			}
		}
		all[at].inert++
	}
	for i, s := range stray {
		if math.Abs(s) > limit {
			return fmt.Errorf("choice %d (%d is the least load) came %.0f times more than draws have it, at most %.0f: %+v", i, len(all), s, limit, all)
		}
	}
	return nil
}

// draws holds twos to its odds, over UDP, whose connections all stay.
func (l *lawful) draws(t *testing.T, p *backends.ServicePort) {
	var met []int
	err := l.topology.Pods.Do(func() error {
		for i := range twosAsks {
			c, err := l.connect(p, netip.AddrPortFrom(l.local(i%200).Addr.Addr(), l.port+uint16(500+i/200)))
			if err != nil {
				return err
			}
			c.close()
			met = append(met, c.met)
		}
		return nil
	})
	if err == nil {
		err = drawnByOdds(met, servers(weighted), twos)
	}
	if err != nil {
		t.Error(err)
	}
}

// The odds take draws that they are of, and refuse each exact law, draws by weight
// alone, and draws of two that do not look at weights.
func TestDrawsCanFail(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	by := func(odds func([]server) []float64) chooser {
		return func(all []server) int {
			x := random.Float64()
			for i, p := range odds(all) {
				if x -= p; x < 0 {
					return i
				}
			}
			return len(all) - 1
		}
	}
	play := func(c chooser) []int {
		all := servers(weighted)
		var met []int
		for range twosAsks {
			at := c(all)
			all[at].inert++
			met = append(met, at)
		}
		return met
	}
	for range 200 {
		if err := drawnByOdds(play(by(twos)), servers(weighted), twos); err != nil {
			t.Errorf("draws of two: %v", err)
		}
	}
	wrong := map[string]chooser{
		"by weight alone": by(func(all []server) []float64 {
			odds := make([]float64, len(all))
			for i, s := range all {
				odds[i] = float64(s.weight) / 10
			}
			return odds
		}),
		"two, whatever the weights": by(func(all []server) []float64 {
			even := append([]server(nil), all...)
			for i := range even {
				even[i].weight = 1
			}
			return twos(even)
		}),
	}
	for name, law := range counting() {
		wrong[name] = law(servers(weighted))
	}
	for name, c := range wrong {
		if drawnByOdds(play(c), servers(weighted), twos) == nil {
			t.Errorf("%s passes for draws of two by weight", name)
		}
	}
}
