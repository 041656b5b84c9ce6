// Package page lays a report out as one HTML file that needs nothing else: no
// network, no server, no other file. Its texts are the report's own, and everything
// in them is data: names of an imported cluster are shown, whatever they hold.
package page

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/results"
)

//go:embed page.html style.css *.js
var assets embed.FS

// view is what the template sees.
type view struct {
	*report.Document
	Frame
	Title   string
	Data    Data
	Runs    []run
	Deltas  []delta
	Virtual bool
	Control string // the backend whose figures were taken off all others'
	CSV     file
}

// Data is what the script sees.
type Data struct {
	Figures []report.Figure `json:"figures"`
	Looks   []report.Look   `json:"looks"`
}

// run is what the page says of one run.
type run struct {
	Name, Dir, Environment string
	Started, Took          string
	OK, NA, Failed         int
	Facts                  [][2]string
	Scenario               string
	Warnings               []string
	Machine                []string // its noise, and what disturbed it
	Files                  []file
}

// file is offered for download.
type file struct {
	Name string
	URL  template.URL
}

// Write writes the page of a report.
func Write(w io.Writer, r *report.Report) error {
	v := view{Document: r.Document(), Control: r.Control}
	v.Data = Data{v.Figures, v.Looks}
	names := runNames(r.Runs)
	for i, of := range r.Runs {
		x, err := runOf(of, names[i], r.Control)
		if err != nil {
			return err
		}
		v.Runs = append(v.Runs, x)
		v.Virtual = v.Virtual || of.Meta.Fingerprint.Clock == "virtual"
	}
	v.Deltas = deltas(r.Runs, names)
	v.Title = strings.Join(names, ", ")
	var csv bytes.Buffer
	if err := r.Table(&csv, "csv"); err != nil {
		return err
	}
	v.CSV = download("figures.csv", "text/csv", csv.Bytes())
	var err error
	if v.Frame, err = NewFrame(); err != nil {
		return err
	}
	t, err := template.New("page.html").Funcs(template.FuncMap{"name": figureName, "sign": sign, "key": sortKey}).ParseFS(assets, "page.html")
	if err != nil {
		return err
	}
	return t.Execute(w, v)
}

// figureName is a figure's name as an id.
func figureName(f report.Figure) string { return "figure-" + f.Name }

// runOf describes a run. Where a control was taken off, its samples are none of a run's
// and are called otherwise.
func runOf(of *results.Run, name, control string) (run, error) {
	m := of.Meta
	x := run{Name: name, Dir: of.Dir, Environment: report.Environment(of), Scenario: m.Scenario}
	if !m.Started.IsZero() {
		x.Started = m.Started.UTC().Format("2006-01-02 15:04 UTC")
		if m.Finished.After(m.Started) {
			x.Took = m.Finished.Sub(m.Started).Round(time.Second).String()
		}
	}
	for _, c := range m.Cells {
		switch c.Status {
		case results.OK:
			x.OK++
		case results.NotRun:
			x.NA++
		case results.Failed:
			x.Failed++
		}
		for _, warning := range c.Warnings {
			if !slices.Contains(x.Warnings, warning) {
				x.Warnings = append(x.Warnings, warning)
			}
		}
	}
	x.Machine = report.Machine(of)
	for _, machine := range m.Machines {
		x.Warnings = append(x.Warnings, machine.Warnings...)
	}
	x.Facts = facts(m.Fingerprint)
	var samples bytes.Buffer
	if err := report.Samples(&samples, of); err != nil {
		return run{}, err
	}
	meta, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return run{}, err
	}
	text := "samples.txt"
	if control != "" {
		text = "samples-minus-" + control + ".txt"
	}
	x.Files = []file{
		download(text, "text/plain", samples.Bytes()),
		download("run.json", "application/json", append(meta, '\n')),
		download("scenario.yaml", "text/plain", []byte(m.Scenario)),
	}
	return x, nil
}

// facts is the fingerprint line by line.
func facts(f results.Fingerprint) [][2]string {
	all := [][2]string{
		{"lab", f.Lab}, {"clock", f.Clock}, {"kernel", f.Kernel}, {"processor", f.CPU}, {"QEMU", f.QEMU},
		{"svcmark", f.Svcmark}, {"binary", f.Binary}, {"guest", f.Guest}, {"scenario", f.Scenario},
	}
	var tools []string
	for tool, version := range f.Tools {
		tools = append(tools, tool+" "+version)
	}
	slices.Sort(tools)
	all = append(all, [2]string{"tools", strings.Join(tools, ", ")})
	return slices.DeleteFunc(all, func(fact [2]string) bool { return fact[1] == "" })
}

func download(name, kind string, text []byte) file {
	url := "data:" + kind + ";charset=utf-8;base64," + base64.StdEncoding.EncodeToString(text)
	return file{name, template.URL(url)} //nolint:gosec // base64 of a type that no browser runs
}
