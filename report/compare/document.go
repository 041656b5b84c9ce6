package compare

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/report"
)

// Document is the comparison as data, for who lays it out: the words are those that the
// terminal has.
type Document struct {
	Outcome Outcome
	Summary string
	Loud    []string // in what the sides differ besides, line by line
	Notes   []string
	Deltas  []Delta
	// Tables are what else is not the same, and the means; Full are the same tables with
	// what is the same.
	Tables, Full []report.Section
	Noisy        bool // some of Deltas have an interval
}

// Delta is what became of one figure, in words. Those that do not apply are "–".
type Delta struct {
	Measurement, Unit, Backend, Services string
	At                                   string // the labels that are left
	Old, New                             string
	Change                               string  // a share of the old
	By                                   float64 // Change as a number, to sort by: in percent, NaN without one
	Difference                           string  // of exact figures, to the last digit
	Interval                             string  // of noisy ones, of Change
	P                                    string  // of noisy ones, adjusted
	Verdict                              Verdict
	Told                                 string // the verdict with its reason, in brackets where none is judged
	Judged                               bool
}

// Same says whether both sides have the same figure, or none of them has one.
func (d Delta) Same() bool { return d.Verdict == Same || d.Verdict == Unknown }

// Bad says whether the figure is one to look at: judged, and worse, lost or not told.
func (d Delta) Bad() bool {
	return d.Judged && (d.Verdict == Worse || d.Verdict == Lost || d.Verdict == Inconclusive)
}

// Document makes the comparison's document.
func (c *Comparison) Document() *Document {
	d := &Document{Outcome: c.Outcome(), Summary: c.Summary(), Notes: c.Notes, Tables: c.sections(false), Full: c.sections(true)}
	if loud := strings.TrimSpace(c.loud()); loud != "" {
		d.Loud = strings.Split(loud, "\n")
	}
	for i := range c.Rows {
		x := c.Rows[i].delta()
		d.Noisy = d.Noisy || x.P != none
		d.Deltas = append(d.Deltas, x)
	}
	return d
}

// none is what a table has where there is nothing.
const none = "–"

func (r *Row) delta() Delta {
	rest := without(without(r.Labels, backendLabel), sizeLabel)
	d := Delta{
		Measurement: r.Measurement, Unit: r.Unit.Name, Backend: valueOf(r.Labels, backendLabel), Services: valueOf(r.Labels, sizeLabel), At: textOf(rest),
		Old: figure(r, r.Old, r.OldSummary.Center), New: figure(r, r.New, r.NewSummary.Center),
		Change: none, By: math.NaN(), Difference: none, Interval: none, P: none,
		Verdict: r.Verdict, Told: r.told(), Judged: r.Judged,
	}
	if len(r.Old.Values) == 0 || len(r.New.Values) == 0 {
		return d
	}
	d.Change, d.By = percent(r.Change), 100*r.Change
	if r.exact() {
		d.Difference = exactly(r.NewSummary.Center - r.OldSummary.Center)
		return d
	}
	if d.P = fmt.Sprintf("%.3f", r.P); math.IsNaN(r.P) {
		d.P = none
	}
	d.Interval = "[none]"
	if r.Ratio.Warning == "" {
		d.Interval = fmt.Sprintf("[%s, %s]", percent(r.Ratio.Lo), percent(r.Ratio.Hi))
	}
	return d
}

// exactly is a signed number with all its digits.
func exactly(v float64) string {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if v > 0 {
		return "+" + text
	}
	return text
}

// sections are the tables but for that of the figures.
func (c *Comparison) sections(all bool) []report.Section {
	var ss []report.Section
	for _, b := range c.blocks(all) {
		if b.title != figuresTitle {
			ss = append(ss, report.Section{Title: b.title, Header: b.header, Rows: b.rows})
		}
	}
	return ss
}
