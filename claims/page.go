package claims

import (
	_ "embed"
	"html/template"
	"io"
	"strings"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/report/page"
)

//go:embed page.html
var pageText string

// view is what the page's template sees.
type view struct {
	page.Frame
	Summary   string
	Findings  []shown
	Data      page.Data
	Scenarios []ran
	Virtual   bool
}

// shown is a finding with its picture, when it has one.
type shown struct {
	Finding
	Slug    string // of its verdict, for the style
	Needs   []string
	Picture *report.Figure
}

// ran is a scenario as it was run.
type ran struct {
	Name, Environment, Text string
	Warnings                []string
}

// Page writes the findings as one HTML file that needs nothing else.
func Page(w io.Writer, claims []Claim, runs Runs) error {
	frame, err := page.NewFrame()
	if err != nil {
		return err
	}
	findings := Judge(claims, runs)
	v := view{Frame: frame, Summary: summary(findings)}
	v.Data.Figures, v.Data.Looks = report.OverlayFigures(Pictures(claims, runs))
	for _, f := range findings {
		s := shown{Finding: f, Slug: strings.ReplaceAll(string(f.Word), " ", "-"), Needs: f.scenarios}
		for i := range v.Data.Figures {
			if v.Data.Figures[i].Name == strings.ToLower(f.ID) {
				s.Picture = &v.Data.Figures[i]
			}
		}
		v.Findings = append(v.Findings, s)
	}
	needed, err := Scenarios(claims)
	if err != nil {
		return err
	}
	for _, n := range needed {
		run := runs[n.Name]
		if run == nil {
			v.Scenarios = append(v.Scenarios, ran{Name: n.Name, Environment: "not run", Text: string(n.Text)})
			continue
		}
		v.Virtual = v.Virtual || run.Meta.Fingerprint.Clock == "virtual"
		r := ran{Name: n.Name, Environment: report.Environment(run), Text: run.Meta.Scenario, Warnings: report.Machine(run)}
		for _, m := range run.Meta.Machines {
			r.Warnings = append(r.Warnings, m.Warnings...)
		}
		v.Scenarios = append(v.Scenarios, r)
	}
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	return t.Execute(w, v)
}
