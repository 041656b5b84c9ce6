package compare

import (
	"math/rand/v2"
	"testing"

	"github.com/svcmark/svcmark/results"
)

// Two builds that do the same differ by some 20 instructions at a point, a few by 60 and
// more. Their shift is hardly ever called one, and eight points find a rule's 50 in most
// comparisons.
func TestShift(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	apart := func(by float64) func(*results.Result, string, float64) float64 {
		return func(r *results.Result, unit string, v float64) float64 {
			if r.Measurement == "FirstPacket" && unit == "insns/op" {
				v += by + 20*(random.ExpFloat64()-random.ExpFloat64())
			}
			return v
		}
	}
	const trials = 1000
	count := func(by float64) (worse int) {
		for range trials {
			for _, s := range compared(t, made("virtual", 1, same), made("virtual", 1, apart(by))).Shifts {
				if s.Points != 8 {
					t.Fatalf("%d points", s.Points)
				}
				if s.Verdict == Worse {
					worse++
				}
			}
		}
		return worse
	}
	alarms, found := count(0), count(50)
	t.Logf("of %d shifts of nothing %d are called worse, of those by 50 instructions %d", 2*trials, alarms, found)
	if alarms > 2*trials/100 || found < 2*trials*80/100 {
		t.Errorf("of %d: %d false alarms, %d found", 2*trials, alarms, found)
	}
}

// Points that differ by far more than a rule costs do not hide it.
func TestShiftLeavesOut(t *testing.T) {
	for _, wild := range []results.Label{{Key: "protocol", Value: "sctp"}, {Key: "position", Value: "random"}} {
		run := func(by, wildly float64) *results.Run {
			r := made("virtual", 1, func(r *results.Result, unit string, v float64) float64 {
				if r.Measurement == "FirstPacket" && unit == "insns/op" {
					v += by
				}
				return v
			})
			for _, x := range r.Results {
				if x.Measurement != "FirstPacket" || x.Label("position") == "first" && wild.Key == "position" {
					continue
				}
				x.Labels = append([]results.Label(nil), x.Labels...)
				if wild.Key == "position" {
					x.Labels[2] = wild
				} else {
					x.Labels = append(x.Labels, wild)
				}
				x.Samples = append([]results.Sample(nil), x.Samples...)
				x.Samples[0].Value += wildly
				r.Results = append(r.Results, x)
			}
			return r
		}
		for _, s := range compared(t, run(0, 0), run(26, -3000)).Shifts {
			if s.Points != 8 || s.Center != 26 || s.Verdict != Worse {
				t.Errorf("beside %s=%s: %+v", wild.Key, wild.Value, s)
			}
		}
	}
}
