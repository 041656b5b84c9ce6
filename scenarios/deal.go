package scenarios

// A deal decides which of a sequence have a property that a share of them has.
// The share of each beginning of the sequence is exact to less than one: the
// sequence is cut into pieces of which each has one. Which place of its piece
// that is, chance decides, so that two deals over one sequence do not follow
// each other. The answer depends on the place alone.
type deal struct {
	share, of int // share of every of, share at most half
	rest      bool
	rnd       uint64
}

// newDeal deals to share out of every of.
func newDeal(share, of int, rnd uint64) deal {
	d := deal{share: share, of: of, rnd: rnd}
	if 2*share > of { // the few are dealt to, whoever they are
		d.share, d.rest = of-share, true
	}
	return d
}

// has reports whether the i-th of the sequence has the property.
func (d deal) has(i int) bool {
	if d.share <= 0 {
		return d.rest
	}
	return (i == d.chosen(i*d.share/d.of)) != d.rest
}

// before is how many of the first n have it.
func (d deal) before(n int) int {
	few := 0
	if d.share > 0 {
		few = n * d.share / d.of
		if d.chosen(few) < n {
			few++
		}
	}
	if d.rest {
		return n - few
	}
	return few
}

// chosen is which place of the k-th piece has the property.
func (d deal) chosen(k int) int {
	from := (k*d.of + d.share - 1) / d.share
	to := ((k+1)*d.of + d.share - 1) / d.share
	return from + int(scramble(d.rnd+uint64(k))%uint64(to-from))
}
