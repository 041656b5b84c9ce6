package plan

import (
	"math"
	"strconv"
	"testing"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/results"
)

// What a plan foretells was measured too: a run up to 5,000 Services foretells its
// figures at 10,000 within 5 percent (iptables-nft: up to 2,000 those at 4,000, since its
// sync takes minutes), and its intervals hold what was measured. A cluster of 80 Services
// up to 4 times tells of 8 times less well: four small sizes are few.
func TestForetellsWhatWasMeasured(t *testing.T) {
	for _, c := range []struct {
		dir     string
		known   float64 // sizes up to it are used
		pairs   int
		within  float64 // the largest error
		outside int     // so many at most lie outside of their intervals
	}{
		{"../../results/reference/capacity", 5000, 27, 0.05, 2},
		{"../../results/reference/capacity-iptables-nft", 2000, 9, 0.05, 0},
		{"../../results/reference/cluster", 320, 27, 0.18, 6},
	} {
		run, err := results.Read(c.dir)
		if err != nil {
			t.Fatal(err)
		}
		r, err := report.Build(run)
		if err != nil {
			t.Fatal(err)
		}
		told, outside := 0, 0
		for i := range r.Tables {
			table := &r.Tables[i]
			if !table.Primary {
				continue
			}
			for _, s := range seriesOf(table) {
				last := s.last()
				for s.last().X > c.known {
					s.points = s.points[:len(s.points)-1]
				}
				s.finish()
				if s.err != nil {
					t.Errorf("%s %s %v: %v", table.Measurement, s.backend, s.group, s.err)
					continue
				}
				y, lo, hi := s.at(last.X)
				told++
				off := y/last.Y - 1
				t.Logf("%s %s %s: %s foretells %s at %s as %s [%s, %s], %+.2f %%", table.Measurement, s.backend, labelsText(s.group), s.trend.Name(),
					report.Format(table.Unit, last.Y), strconv.FormatFloat(last.X, 'f', 0, 64), report.Format(table.Unit, y), report.Format(table.Unit, lo), report.Format(table.Unit, hi), 100*off)
				if math.Abs(off) > c.within {
					t.Errorf("%s %s %s is foretold with an error of %.1f %%", table.Measurement, s.backend, labelsText(s.group), 100*off)
				}
				if last.Y < lo || last.Y > hi {
					outside++
				}
			}
		}
		if told != c.pairs {
			t.Errorf("%s has %d figures, want %d", c.dir, told, c.pairs)
		}
		t.Logf("%s: %d of %d lie outside their interval of 95 %%", c.dir, outside, told)
		if outside > c.outside {
			t.Errorf("%s: %d of %d lie outside their interval", c.dir, outside, told)
		}
	}
}
