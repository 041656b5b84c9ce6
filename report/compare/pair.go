package compare

import (
	"strings"

	"github.com/svcmark/svcmark/results"
)

// Pair is one figure on both sides. A side that has no value of it has a reason why.
type Pair struct {
	Measurement string
	Unit        results.Unit
	Labels      []results.Label
	Old, New    Figure
	Primary     bool // the measurement's first unit
	// Floor is the share below which either side's machine shows differences where
	// there are none; 0 where neither was calibrated.
	Floor float64
}

// Figure is one side's.
type Figure struct {
	Values []float64 // of the repetitions
	Failed string    // why there are none, where their cell has failed
}

// Name is what people call the pair.
func (p *Pair) Name() string { return p.Measurement + " " + p.Unit.Name + " " + textOf(p.Labels) }

// pairs are the figures of both sides, in the order of the old one and then of what the
// new one alone has.
func pairs(old, now Side) []*Pair {
	b := &pairing{at: map[string]*Pair{}}
	b.add(old, func(p *Pair) *Figure { return &p.Old })
	b.add(now, func(p *Pair) *Figure { return &p.New })
	b.fail(old, func(p *Pair) *Figure { return &p.Old })
	b.fail(now, func(p *Pair) *Figure { return &p.New })
	return b.all
}

type pairing struct {
	all []*Pair
	at  map[string]*Pair
}

func (b *pairing) add(s Side, figure func(*Pair) *Figure) {
	units := map[string]results.Unit{}
	for _, u := range s.run.Units {
		units[u.Name] = u
	}
	for i := range s.run.Results {
		r := &s.run.Results[i]
		labels, own := s.take(r.Labels)
		if !own {
			continue
		}
		for at, sample := range r.Samples {
			unit, known := units[sample.Unit]
			if !known {
				unit = results.Unit{Name: sample.Unit}
			}
			key := strings.Join([]string{r.Measurement, sample.Unit, textOf(labels)}, "\x00")
			p := b.at[key]
			if p == nil {
				p = &Pair{Measurement: r.Measurement, Unit: unit, Labels: labels, Primary: at == 0}
				b.at[key] = p
				b.all = append(b.all, p)
			}
			p.Floor = max(p.Floor, s.run.Meta.Floor(r.Measurement, sample.Unit))
			f := figure(p)
			f.Values = append(f.Values, sample.Value)
		}
	}
}

// fail notes which figures a side lacks since their cell has failed.
func (b *pairing) fail(s Side, figure func(*Pair) *Figure) {
	reasons := failures(s)
	for _, p := range b.all {
		f := figure(p)
		for cell, reason := range reasons {
			if text := textOf(p.Labels); len(f.Values) == 0 && (text == cell || strings.HasPrefix(text, cell+" ")) {
				f.Failed = reason
			}
		}
	}
}

// failures are the cells that have failed on a side.
func failures(s Side) map[string]string {
	failed := map[string]string{}
	for _, c := range s.run.Meta.Cells {
		if labels, own := s.take(c.Labels); own && c.Status == results.Failed {
			failed[textOf(labels)] = c.Reason
		}
	}
	return failed
}
