package stats

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Trend is how a cost goes on beyond the sizes at which it was measured: the model that
// has foretold the largest of them best from the smaller ones, fitted to all.
//
// The curve is moved to go through the largest size, by a factor: what is asked is how
// it goes on from there, and how far a curve through all sizes is from the last is not
// part of that.
type Trend struct {
	*Curve
	From, To float64 // the smallest and the largest size
	last     float64 // the cost at To
	score    float64 // the root of the tests' mean square error
	rivals   []Trend // of models that foretold hardly worse
	// Foretold are the tests that chose the model: a size foretold by those up to half of
	// it. The largest comes last.
	Foretold []Foretold
}

// Foretold is a measured cost beside the one that the smaller sizes foretell.
type Foretold struct {
	From, X float64 // the largest size that was used, and the one that was foretold
	Error   float64 // of the prediction, as a share of what was measured
}

const (
	// tests is how many of the largest sizes are foretold.
	tests = 4
	// enough sizes for a test: one more than any model has parameters.
	enough = 4
	// alike: a model that foretells no more than so many times worse than the best one
	// and has fewer parameters is taken instead of it. What chose between them is luck.
	alike = 1.25
	// least: errors below it are all called good.
	least = 0.001
)

// Extrapolate finds the trend of points, one of each size. It fails with fewer than four
// sizes, since two parameters take three and one must be left out; and where a cost is
// not above zero.
//
// A growth that Classify calls O(1) stays at that: a slope too small to be felt within
// the measured range is not made to matter beyond it.
//
// Note: the corrected criterion of Akaike was rejected for the choice. It takes residuals
// for noise; those of exact figures are the bend that a model lacks, and the criterion
// then praises what bends with the small sizes, which are the most and matter least.
func Extrapolate(points []Point) (Trend, error) {
	ps := slices.SortedFunc(slices.Values(points), func(a, b Point) int { return cmp.Compare(a.X, b.X) })
	if len(ps) < 4 {
		return Trend{}, fmt.Errorf("need >= 4 sizes to foretell further ones, have %d", len(ps))
	}
	for _, p := range ps {
		if !(p.Y > 0) || !(p.X > 0) {
			return Trend{}, errors.New("costs of 0 have no trend")
		}
	}
	constant := Classify(ps).Class == Constant
	var best Trend
	var tried []Trend
	for _, m := range models {
		if constant != (m.Model == ModelConstant) {
			continue
		}
		t := foretell(m, ps)
		if t.Curve == nil {
			continue
		}
		tried = append(tried, t)
		if best.Curve == nil || t.score*alike < best.score {
			best = t
		}
	}
	if best.Curve == nil {
		return Trend{}, errors.New("no model both fits the sizes and could be tested on them")
	}
	for _, t := range tried {
		if t.Curve != best.Curve && t.score <= 2*best.score {
			best.rivals = append(best.rivals, t)
		}
	}
	return best, nil
}

// foretell fits a model and tests it; without a curve when it does not fit.
func foretell(m candidate, ps []Point) Trend {
	n := len(ps)
	t := Trend{From: ps[0].X, To: ps[n-1].X, last: ps[n-1].Y}
	below := func(p Point) int { return slices.IndexFunc(ps, func(q Point) bool { return q.X > p.X/2 }) }
	var sum float64
	for _, p := range ps[max(0, n-tests):] {
		k := below(p)
		if k < min(enough, below(ps[n-1])) { // all models pass the same tests
			continue
		}
		c := fitCurve(m, ps[:k])
		if c == nil {
			continue
		}
		before := Trend{Curve: c, To: ps[k-1].X, last: ps[k-1].Y}
		e := before.alone(p.X)/p.Y - 1
		t.Foretold = append(t.Foretold, Foretold{ps[k-1].X, p.X, e})
		sum += e * e
	}
	if c := fitCurve(m, ps); c != nil && len(t.Foretold) > 0 && c.steady(t.From, farthest*t.To) {
		t.Curve = c
	}
	t.score = max(least, math.Sqrt(sum/float64(len(t.Foretold))))
	return t
}

// farthest is the multiple of the largest size up to which a curve is looked at.
const farthest = 4

// steady tells whether a curve neither turns between two sizes nor leaves what a cost can
// be: a parabola that turns over says nothing of what comes.
func (c *Curve) steady(lo, hi float64) bool {
	up, down := false, false
	const steps = 64
	for i := range steps {
		a, b := c.At(lo+(hi-lo)*float64(i)/steps), c.At(lo+(hi-lo)*float64(i+1)/steps)
		up, down = up || b > a, down || b < a
	}
	return (!up || !down) && c.At(lo) > 0 && c.At(hi) > 0
}

// At is the cost at a size from To on: what the model foretells, together with those that
// passed the tests hardly worse, each with the inverse of its tests' mean square error as
// its weight (Bates and Granger, The combination of forecasts, 1969). Tests cannot tell
// such models apart, and their errors go either way.
func (t Trend) At(x float64) float64 {
	var sum, weights float64
	for _, m := range t.plausible() {
		w := 1 / (m.score * m.score)
		sum += w * m.alone(x)
		weights += w
	}
	return sum / weights
}

// plausible are the models that the tests cannot tell apart, the best among them.
func (t Trend) plausible() []Trend { return append([]Trend{t}, t.rivals...) }

// alone is what the model foretells by itself.
func (t Trend) alone(x float64) float64 { return t.last * t.Curve.At(x) / t.Curve.At(t.To) }

// Share is the half width of the interval around At, as a share of it: the root of the
// sum of the squares of what may be wrong, which is where the fit is uncertain by itself;
// the largest error of the tests, more of it with each further step of the ratio that the
// test went; and how far the models are from what they say together. A fit knows
// nothing of a bend that is to come; the tests have seen some.
func (t Trend) Share(x float64) float64 {
	tested, rival := 0.0, 0.0
	for _, f := range t.Foretold {
		steps := math.Log(x/t.To) / math.Log(f.X/f.From)
		tested = max(tested, math.Abs(f.Error)*max(1, steps))
	}
	for _, r := range t.plausible() {
		rival = max(rival, math.Abs(r.alone(x)/t.At(x)-1))
	}
	fit := t.Curve.Share(x)
	anchor := t.scatter(t.To) // the last point lies as far from the curve as any
	return math.Sqrt(fit*fit + anchor*anchor + tested*tested + rival*rival)
}
