package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Model is a family of curves: a cost is a sum of terms, each with a factor that is fitted.
type Model string

// The models, from the simplest on.
const (
	ModelConstant Model = "O(1)"
	ModelLinear   Model = "O(n)"
	ModelNLogN    Model = "O(n log n)"
	ModelSquare   Model = "O(n²)" // a + b x + c x²: a cost for each and one for each pair
	ModelMixed    Model = "n+n^p" // a + b x + c x^p, with p 1.25, 1.5 or 1.75
	ModelPower    Model = "n^p"   // a + b x^p, with any p
)

// models are tried in this order; of two that are alike the earlier one is taken.
var models = []candidate{
	{ModelConstant, 1}, {ModelLinear, 1}, {ModelNLogN, 1}, {ModelSquare, 2},
	{ModelMixed, 1.75}, {ModelMixed, 1.5}, {ModelMixed, 1.25}, {ModelPower, 1},
}

// candidate is a model with the exponent that it begins with.
type candidate struct {
	Model
	exponent float64
}

// terms are the values of a model's terms at x.
func (m Model) terms(x, p float64) []float64 {
	switch m {
	case ModelLinear:
		return []float64{1, x}
	case ModelNLogN:
		return []float64{1, x * math.Log(max(x, 1))}
	case ModelPower:
		return []float64{1, math.Pow(x, p)}
	case ModelSquare, ModelMixed:
		return []float64{1, x, math.Pow(x, p)}
	}
	return []float64{1}
}

// parameters is how many figures of a model are fitted.
func (m Model) parameters() int {
	if m == ModelPower {
		return 3
	}
	return len(m.terms(1, 1))
}

// Curve is a model that was fitted to points.
type Curve struct {
	Model    Model
	Factors  []float64 // of its terms
	Exponent float64   // of its last term
	// deviation is the residuals' weighted standard deviation, and covariance that of the
	// parameters for a deviation of 1; nil when no degree of freedom is left.
	deviation  float64
	covariance *mat.SymDense
	freedom    int
}

// At is the curve's cost at x.
func (c *Curve) At(x float64) float64 { return dot(c.Factors, c.Model.terms(x, c.Exponent)) }

// fitCurve fits a model by least squares with weights 1/y: between the ordinary fit, in
// which the largest size alone counts, and that of relative errors, in which the many
// small ones do, whose fixed costs and steps say little of what comes. It is nil where
// there are fewer points than parameters, a cost is not positive, or the points do not
// tell the parameters apart.
func fitCurve(m candidate, points []Point) *Curve {
	for _, p := range points {
		if !(p.Y > 0) || p.X <= 0 {
			return nil
		}
	}
	if len(points) < m.parameters() {
		return nil
	}
	p := m.exponent
	if m.Model == ModelPower {
		p = bestExponent(points)
	}
	factors, rss := leastSquares(m.Model, points, p)
	if factors == nil {
		return nil
	}
	c := &Curve{Model: m.Model, Factors: factors, Exponent: p, freedom: len(points) - m.parameters()}
	if c.freedom > 0 {
		c.deviation = math.Sqrt(rss / float64(c.freedom))
		c.spread(points)
	}
	return c
}

// leastSquares solves for the factors; rss is the weighted sum of the errors' squares.
func leastSquares(m Model, points []Point, p float64) (factors []float64, rss float64) {
	n := len(m.terms(1, p))
	a, b := mat.NewDense(len(points), n, nil), mat.NewVecDense(len(points), nil)
	// Columns of about one size keep the digits: x² beside 1 spans 14 of them.
	scale := m.terms(points[len(points)-1].X, p)
	for i, pt := range points {
		for j, t := range m.terms(pt.X, p) {
			a.Set(i, j, t/scale[j]/math.Sqrt(pt.Y))
		}
		b.SetVec(i, math.Sqrt(pt.Y))
	}
	var qr mat.QR
	qr.Factorize(a)
	var solved mat.VecDense
	if err := qr.SolveVecTo(&solved, false, b); err != nil {
		return nil, 0
	}
	for j := range n {
		factors = append(factors, solved.AtVec(j)/scale[j])
	}
	for _, pt := range points {
		e := dot(factors, m.terms(pt.X, p)) - pt.Y
		rss += e * e / pt.Y
	}
	return factors, rss
}

// bestExponent is that with the smallest sum of squares: first on a grid, since there may
// be several minima, then between its neighbours.
func bestExponent(points []Point) float64 {
	const step = 0.05
	rss := func(p float64) float64 {
		factors, rss := leastSquares(ModelPower, points, p)
		if factors == nil {
			return math.Inf(1)
		}
		return rss
	}
	best, least := 1.0, math.Inf(1)
	for p := 0.1; p <= 3; p += step {
		if r := rss(p); r < least {
			best, least = p, r
		}
	}
	lo, hi := best-step, best+step
	for range 40 {
		a, b := lo+(hi-lo)/3, hi-(hi-lo)/3
		if rss(a) < rss(b) {
			hi = b
		} else {
			lo = a
		}
	}
	return (lo + hi) / 2
}

// gradient is by how much the cost at x changes with each parameter.
func (c *Curve) gradient(x float64) []float64 {
	g := c.Model.terms(x, c.Exponent)
	if c.Model == ModelPower {
		g = append(g, c.Factors[1]*g[1]*math.Log(x))
	}
	return g
}

// spread sets the parameters' covariance, from the curve's gradients at the points.
func (c *Curve) spread(points []Point) {
	n := c.Model.parameters()
	scale := c.gradient(points[len(points)-1].X)
	information := mat.NewSymDense(n, nil)
	for _, p := range points {
		g := c.gradient(p.X)
		for i := range n {
			for j := i; j < n; j++ {
				information.SetSym(i, j, information.At(i, j)+g[i]/scale[i]*g[j]/scale[j]/p.Y)
			}
		}
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(information) {
		return
	}
	covariance := mat.NewSymDense(n, nil)
	if cholesky.InverseTo(covariance) != nil {
		return
	}
	for i := range n {
		for j := i; j < n; j++ {
			covariance.SetSym(i, j, covariance.At(i, j)/scale[i]/scale[j])
		}
	}
	c.covariance = covariance
}

// Share is the half width of the interval, with Confidence, in which the cost of one more
// point at x lies, as a share of the curve's; infinite where the points leave no degree
// of freedom.
func (c *Curve) Share(x float64) float64 {
	y := c.At(x)
	if c.covariance == nil || !(y > 0) {
		return math.Inf(1)
	}
	g := mat.NewVecDense(c.Model.parameters(), c.gradient(x))
	return c.scatter(x) * math.Sqrt(1+mat.Inner(g, c.covariance, g)/y)
}

// scatter is the same for how points lie around the curve, if it were known for sure.
func (c *Curve) scatter(x float64) float64 {
	t := distuv.StudentsT{Sigma: 1, Nu: float64(c.freedom)}.Quantile(1 - (1-Confidence)/2)
	return t * c.deviation / math.Sqrt(c.At(x))
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// Name is the model as people write it: "O(n²)", "~n^1.38".
func (c *Curve) Name() string {
	switch c.Model {
	case ModelMixed, ModelPower:
		return fmt.Sprintf("~n^%.3g", c.Exponent)
	}
	return string(c.Model)
}
