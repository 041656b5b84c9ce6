package plan

import (
	"encoding/json"
	"io"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// Schema is the version of JSON's output: it grows when a field changes its meaning or
// goes, and not when one comes.
const Schema = 1

// JSON writes the plan for programs. Figures that are infinite or that there are none of
// are left out.
func (p *Plan) JSON(out io.Writer) error {
	type row struct {
		Backend      string   `json:"backend"`
		State        State    `json:"state"`
		Services     *float64 `json:"services,omitempty"`
		Lo           *float64 `json:"lo,omitempty"`
		Hi           *float64 `json:"hi,omitempty"`
		Largest      float64  `json:"largest"`
		Value        float64  `json:"value"`
		Reach        float64  `json:"reach"`
		ValueAtReach *float64 `json:"valueAtReach,omitempty"`
		LowerAtReach *float64 `json:"lowerAtReach,omitempty"`
		UpperAtReach *float64 `json:"upperAtReach,omitempty"`
		Trend        string   `json:"trend,omitempty"`
		TestError    float64  `json:"testError"` // a share
		TestFrom     float64  `json:"testFrom"`
		TestTo       float64  `json:"testTo"`
		Reason       string   `json:"reason,omitempty"`
	}
	type answer struct {
		Limit string          `json:"limit"`
		Unit  string          `json:"unit"`
		Value float64         `json:"value"`
		At    []results.Label `json:"at"`
		Rows  []row           `json:"rows"`
	}
	type crossing struct {
		Measurement string          `json:"measurement"`
		Unit        string          `json:"unit"`
		At          []results.Label `json:"at"`
		Below       string          `json:"cheaperBelow"`
		Above       string          `json:"cheaperAbove"`
		Services    float64         `json:"services"`
		Lo          float64         `json:"lo"`
		Hi          float64         `json:"hi"`
		Beyond      bool            `json:"beyond"`
	}
	all := struct {
		Schema    int        `json:"schema"`
		Runs      []string   `json:"runs"`
		Cluster   int        `json:"cluster,omitempty"`
		Answers   []answer   `json:"answers"`
		Crossings []crossing `json:"crossings"`
		Advice    []string   `json:"advice"`
		Notes     []string   `json:"notes"`
	}{Schema: Schema, Cluster: p.Cluster, Answers: []answer{}, Crossings: []crossing{}, Advice: p.Advice, Notes: p.Notes}
	for _, run := range p.Runs {
		all.Runs = append(all.Runs, run.Dir)
	}
	for _, a := range p.Answers {
		x := answer{a.Limit.String(), a.Unit.Name, a.Value, a.At, nil}
		for _, r := range a.Rows {
			x.Rows = append(x.Rows, row{r.Backend, r.State, stats.Finite(r.Services), stats.Finite(r.Lo), stats.Finite(r.Hi), r.Largest, r.Value, r.Reach,
				stats.Finite(r.ValueAt), stats.Finite(r.Lower), stats.Finite(r.Upper), r.Trend, r.Foretold, r.From, r.To, r.Reason})
		}
		all.Answers = append(all.Answers, x)
	}
	for _, c := range p.Crossings {
		all.Crossings = append(all.Crossings, crossing{c.Measurement, c.Unit.Name, c.At, c.Below, c.Above, c.Services, c.Lo, c.Hi, c.Beyond})
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}
