package compare

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"

	"github.com/svcmark/svcmark/report/stats"
)

// Schema is the version of JSON's output: it grows when a field changes its meaning or
// goes, and not when one comes.
const Schema = 1

// JSON writes the comparison for programs.
func (c *Comparison) JSON(out io.Writer) error {
	type row struct {
		Measurement string            `json:"measurement"`
		Unit        string            `json:"unit"`
		Labels      map[string]string `json:"labels"`
		Old         []float64         `json:"old,omitempty"`
		New         []float64         `json:"new,omitempty"`
		Change      *float64          `json:"change,omitempty"` // a share; absent from 0
		P           *float64          `json:"p,omitempty"`      // absent for exact figures
		Judged      bool              `json:"judged"`
		Verdict     Verdict           `json:"verdict"`
		Reason      string            `json:"reason,omitempty"`
	}
	type shift struct {
		Measurement string   `json:"measurement"`
		Backend     string   `json:"backend"`
		Points      int      `json:"points"`
		Shift       float64  `json:"shift"`
		Lo          *float64 `json:"lo,omitempty"`
		Hi          *float64 `json:"hi,omitempty"`
		Verdict     Verdict  `json:"verdict"`
	}
	type growth struct {
		Figure  string  `json:"figure"`
		Old     string  `json:"old"`
		New     string  `json:"new"`
		Change  float64 `json:"change"`
		Verdict Verdict `json:"verdict"`
		Reason  string  `json:"reason,omitempty"`
	}
	type mean struct {
		Measurement string   `json:"measurement"`
		Unit        string   `json:"unit"`
		Backend     string   `json:"backend"`
		Points      int      `json:"points"`
		Change      float64  `json:"change"` // a share, as all below
		Exact       bool     `json:"exact"`
		Lo          *float64 `json:"lo,omitempty"` // of the 95 % interval; absent where there is none
		Hi          *float64 `json:"hi,omitempty"`
		Least       float64  `json:"least"` // of the points
		Most        float64  `json:"most"`
	}
	all := struct {
		Schema  int      `json:"schema"`
		Outcome Outcome  `json:"outcome"`
		Summary string   `json:"summary"`
		Old     string   `json:"old"`
		New     string   `json:"new"`
		Broken  []Broken `json:"broken"`
		Rows    []row    `json:"rows"`
		Shifts  []shift  `json:"shifts"`
		Growths []growth `json:"growths"`
		Means   []mean   `json:"means"`
		Notes   []string `json:"notes"`
	}{Schema: Schema, Outcome: c.Outcome(), Summary: c.Summary(), Old: c.Old.Name, New: c.New.Name, Broken: c.Broken, Notes: c.Notes}
	for i := range c.Rows {
		r := &c.Rows[i]
		labels := map[string]string{}
		for _, l := range r.Labels {
			labels[l.Key] = l.Value
		}
		x := row{r.Measurement, r.Unit.Name, labels, r.Old.Values, r.New.Values, nil, stats.Finite(r.P), r.Judged, r.Verdict, r.Reason}
		if len(r.Old.Values) > 0 && len(r.New.Values) > 0 {
			x.Change = stats.Finite(r.Change)
		}
		all.Rows = append(all.Rows, x)
	}
	for _, s := range c.Shifts {
		all.Shifts = append(all.Shifts, shift{s.Measurement, s.Backend, s.Points, s.Center, stats.Finite(s.Lo), stats.Finite(s.Hi), s.Verdict})
	}
	for _, g := range c.Growths {
		all.Growths = append(all.Growths, growth{g.Name, string(g.Old.Class), string(g.New.Class), g.Change, g.Verdict, g.Reason})
	}
	for _, m := range c.Means {
		x := mean{Measurement: m.Measurement, Unit: m.Unit, Backend: m.Backend, Points: m.Points, Change: m.Change, Exact: m.Exact, Least: m.Least, Most: m.Most}
		if stats.Finite(m.Hi) != nil { // without an interval the lower end is nothing at all
			x.Lo, x.Hi = &m.Lo, &m.Hi
		}
		all.Means = append(all.Means, x)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

// JUnit writes one test case for each figure that is judged, as CI systems read them:
// worse, lost and broken ones fail, and inconclusive ones are skipped.
func (c *Comparison) JUnit(out io.Writer) error {
	type message struct {
		Message string `xml:"message,attr"`
	}
	type testcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Failure *message `xml:"failure"`
		Skipped *message `xml:"skipped"`
	}
	type suite struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Cases    []testcase `xml:"testcase"`
	}
	s := suite{Name: "svcmark gate"}
	add := func(class, name string, v Verdict, text string) {
		t := testcase{Name: name, Class: "svcmark." + class}
		switch v {
		case Worse, Lost:
			t.Failure = &message{text}
			s.Failures++
		case Inconclusive:
			t.Skipped = &message{text}
			s.Skipped++
		}
		s.Tests++
		s.Cases = append(s.Cases, t)
	}
	for _, b := range c.Broken {
		add("cell", b.Cell, Lost, firstLine(b.Reason))
	}
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Judged {
			add(r.Measurement, r.Unit.Name+" "+textOf(r.Labels), r.Verdict,
				fmt.Sprintf("%s: %s, was %s: %s", told(r.Verdict, firstLine(r.Reason)), figure(r, r.New, r.NewSummary.Center), figure(r, r.Old, r.OldSummary.Center), r.change()))
		}
	}
	for _, x := range c.Shifts {
		add("shift", x.Measurement+" "+x.Backend, x.Verdict, fmt.Sprintf("%s: %+.0f instructions per operation over %d points", told(x.Verdict, x.Reason), x.Center, x.Points))
	}
	for _, g := range c.Growths {
		add("growth", g.Name, g.Verdict, fmt.Sprintf("%s: %s at the largest size", told(g.Verdict, g.Reason), percent(g.Change)))
	}
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(out)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}
