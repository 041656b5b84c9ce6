package runner

import "time"

// estimate foretells the time left of a run from the sizes of its cells and
// from how far those that ended were off.
type estimate struct {
	parallel  int
	left      float64 // prior of the cells that have not ended
	predicted float64 // prior of those that have
	took      float64 // seconds of those that have
}

func newEstimate(cells []cell, parallel int) *estimate {
	e := &estimate{parallel: max(1, min(parallel, len(cells)))}
	for _, c := range cells {
		e.left += c.prior()
	}
	return e
}

func (e *estimate) ended(c cell, took time.Duration) {
	e.left -= c.prior()
	e.predicted += c.prior()
	e.took += took.Seconds()
}

func (e *estimate) remaining() time.Duration {
	scale := 1.0
	if e.predicted > 0 {
		scale = e.took / e.predicted
	}
	return time.Duration(max(0, e.left) * scale / float64(e.parallel) * float64(time.Second)).Round(time.Second)
}
