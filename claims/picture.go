package claims

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/report/stats"
)

// Pictures lay what was measured over what was published, for each claim whose source
// gives figures of its own and that have been measured here.
func Pictures(claims []Claim, runs Runs) []report.Overlay {
	var all []report.Overlay
	for _, c := range claims {
		if c.beside == nil {
			continue
		}
		e := &evidence{runs: runs}
		o := report.Overlay{Name: strings.ToLower(c.ID), Title: c.ID + ": " + c.beside.title}
		if c.beside.curves != nil {
			e.lay(&o, c.beside)
		} else {
			e.stand(&o, c.beside)
		}
		if e.missing != "" {
			continue // as the verdict says
		}
		o.Subtitle = strings.TrimSpace(o.Subtitle + " Published: " + c.Source + ".")
		all = append(all, o)
	}
	return all
}

// lay fills in curves. Where units differ only shapes compare: each side is relative to
// its own first curve at the smallest size that both sides have, or else at its own
// smallest.
func (e *evidence) lay(o *report.Overlay, b *beside) {
	first := b.curves[0]
	measured := e.points(first.of)
	if e.missing != "" {
		return
	}
	here, there, size := measured[0], first.costs()[0], "the smallest number of Services that it has"
	if common, ok := smallestCommon(measured, first.published); ok {
		here, there, size = value(measured, common), value(first.costs(), common), services(common)
	}
	o.Axis, o.Symbol = b.what+", relative", " x"
	o.Subtitle = fmt.Sprintf("Each side is relative to its %s at %s.", first.theirs, size)
	o.Foot = footOf("Dashed", b.foot)
	for _, c := range b.curves {
		points := e.points(c.of)
		if len(points) == 0 {
			return
		}
		s := report.Series{Name: c.of.backend, Backend: c.of.backend}
		for _, p := range points {
			s.Points = append(s.Points, report.SeriesPoint{Services: p.X, Value: e.cost(c.of, p.Y) / e.cost(first.of, here.Y), Figure: e.show(c.of, p.Y)})
		}
		s.Detail = fromTo(s.Points)
		p := report.Series{Name: c.theirs + ", published", Backend: c.of.backend, Published: true}
		for i, cost := range c.costs() {
			p.Points = append(p.Points, report.SeriesPoint{Services: cost.X, Value: cost.Y / there.Y, Figure: strconv.FormatFloat(c.published[i].Y, 'g', -1, 64) + " " + c.unit})
		}
		p.Detail = fromTo(p.Points)
		o.Series = append(o.Series, s, p)
	}
}

// footOf says how what was published is drawn, and what else has to be known.
func footOf(drawn, rest string) string {
	if of, ok := strings.CutPrefix(rest, "Published: "); ok {
		return drawn + ", published: " + of
	}
	return strings.TrimSpace(drawn + ": published. " + rest)
}

func services(n float64) string {
	if n == 1 {
		return "one Service"
	}
	return number(n) + " Services"
}

// cost is a measured figure, or the inverse of one that is a rate.
func (e *evidence) cost(w where, v float64) float64 {
	if w.measurement == "ConnectionRate" && !e.virtual(w.scenario) {
		return 1 / v
	}
	return v
}

// costs are the published figures, or the inverse of rates.
func (c curve) costs() []stats.Point {
	if !c.rate {
		return c.published
	}
	inverse := slices.Clone(c.published)
	for i := range inverse {
		inverse[i].Y = 1 / inverse[i].Y
	}
	return inverse
}

// smallestCommon is the smallest size that both have.
func smallestCommon(a, b []stats.Point) (float64, bool) {
	for _, p := range a {
		if slices.ContainsFunc(b, func(q stats.Point) bool { return q.X == p.X }) {
			return p.X, true
		}
	}
	return 0, false
}

func value(ps []stats.Point, size float64) stats.Point {
	return ps[slices.IndexFunc(ps, func(p stats.Point) bool { return p.X == size })]
}

// fromTo is the first and the last figure, with one unit where they share it.
func fromTo(ps []report.SeriesPoint) string {
	from, to := ps[0].Figure, ps[len(ps)-1].Figure
	if v, unit, ok := strings.Cut(from, " "); ok && strings.HasSuffix(to, " "+unit) {
		from = v
	}
	return from + " to " + to
}

// ratioLook is the backend whose look bars have: they are of two, or of none.
const ratioLook = "iptables-legacy"

// stand fills in bars: what was published, and what was measured at the largest size.
func (e *evidence) stand(o *report.Overlay, b *beside) {
	var v, n float64
	if b.by != nil {
		v, n = e.ratio(b.of, *b.by, 0)
	} else {
		v, n = e.at(b.of, 0)
		v /= n
	}
	o.Bars, o.Axis, o.Symbol = true, b.what+", at so many Services", b.unit
	o.Foot = footOf("Pale", b.foot)
	one := func(name string, v float64, published bool) {
		o.Series = append(o.Series, report.Series{Name: name, Backend: ratioLook, Published: published, Points: []report.SeriesPoint{{Value: v}}})
	}
	for _, p := range b.bars {
		one(p.name, p.value, true)
	}
	one("measured, at "+number(n), v, false)
}
