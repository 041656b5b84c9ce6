package report

import (
	"encoding/json"
	"io"

	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// The JSON form says null where a figure is infinite or is none.
type (
	jsonReport struct {
		Runs     []jsonRun     `json:"runs"`
		Tables   []jsonTable   `json:"tables"`
		Problems []jsonProblem `json:"problems"`
		Verdict  string        `json:"verdict"`
	}
	jsonRun struct {
		Dir         string              `json:"dir"`
		Fingerprint results.Fingerprint `json:"fingerprint"`
	}
	jsonTable struct {
		Measurement string      `json:"measurement"`
		Unit        string      `json:"unit"`
		Better      string      `json:"better,omitempty"`
		Exact       bool        `json:"exact"`
		Values      []jsonValue `json:"values"`
		Fits        []jsonFit   `json:"fits"`
	}
	jsonValue struct {
		Labels      map[string]string `json:"labels"`
		State       State             `json:"state"`
		Center      *float64          `json:"center"`
		Lo          *float64          `json:"lo"`
		Hi          *float64          `json:"hi"`
		Repetitions int               `json:"repetitions"`
		Notes       []string          `json:"notes"`
	}
	jsonFit struct {
		Labels    map[string]string `json:"labels"`
		Class     string            `json:"class"`
		Reason    string            `json:"reason,omitempty"`
		Intercept *float64          `json:"intercept"`
		Slope     *float64          `json:"slope"`
		SlopeLo   *float64          `json:"slopeLo"`
		SlopeHi   *float64          `json:"slopeHi"`
		R2        *float64          `json:"r2"`
		Bend      *float64          `json:"bend"`     // p of a + b x^p, see stats.Growth
		Exponent  *float64          `json:"exponent"` // p of b x^p
		Sizes     int               `json:"sizes"`
	}
	jsonProblem struct {
		Run         string `json:"run,omitempty"`
		Cell        string `json:"cell"`
		Measurement string `json:"measurement,omitempty"`
		State       State  `json:"state"`
		Reason      string `json:"reason"`
	}
)

func (r *Report) printJSON(w io.Writer) error {
	out := jsonReport{Runs: []jsonRun{}, Tables: []jsonTable{}, Problems: []jsonProblem{}, Verdict: r.Verdict()}
	for _, run := range r.Runs {
		out.Runs = append(out.Runs, jsonRun{run.Dir, run.Meta.Fingerprint})
	}
	for i := range r.Tables {
		out.Tables = append(out.Tables, r.jsonTable(&r.Tables[i]))
	}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, jsonProblem{p.Run, string(p.Cell), p.Measurement, p.State, p.Reason})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func (r *Report) jsonTable(t *Table) jsonTable {
	out := jsonTable{t.Measurement, t.Unit.Name, string(t.Unit.Better), t.Unit.Exact, []jsonValue{}, []jsonFit{}}
	labels := func(backend string, more []results.Label) map[string]string {
		m := map[string]string{}
		if backend != "" {
			m[Column] = backend
		}
		for _, l := range t.Common {
			m[l.Key] = l.Value
		}
		for _, l := range more {
			m[l.Key] = l.Value
		}
		return m
	}
	for _, row := range t.Rows {
		for i, c := range row.Cells {
			if c.State == Absent {
				continue
			}
			m := labels(t.Columns[i], nil)
			for k, key := range t.Keys {
				m[key] = row.Values[k]
			}
			v := jsonValue{Labels: m, State: c.State, Notes: []string{}}
			if s := c.Summary; c.State == Measured {
				v.Center, v.Lo, v.Hi, v.Repetitions = stats.Finite(s.Center), stats.Finite(s.Lo), stats.Finite(s.Hi), s.N
			}
			for _, n := range c.Notes {
				v.Notes = append(v.Notes, r.Notes[n])
			}
			out.Values = append(out.Values, v)
		}
	}
	for _, f := range t.Fits {
		g := f.Growth
		out.Fits = append(out.Fits, jsonFit{
			Labels: labels(f.Backend, f.Group), Class: string(g.Class), Reason: g.Reason,
			Intercept: stats.Finite(g.Line.Intercept), Slope: stats.Finite(g.Line.Slope), SlopeLo: stats.Finite(g.Line.Lo), SlopeHi: stats.Finite(g.Line.Hi),
			R2: stats.Finite(g.Line.R2), Bend: stats.Finite(g.Exponent), Exponent: stats.Finite(f.Exponent), Sizes: len(f.Points),
		})
	}
	return out
}
