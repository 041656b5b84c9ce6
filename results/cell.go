package results

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Cell is one finished cell: what became of it and what it measured. A failed
// cell may have results, namely those from before it failed.
type Cell struct {
	Meta    CellMeta
	Results []Result
}

// CellKey names a cell within its run: "backend=ipvs/services=10/repeat=0".
type CellKey string

// KeyOf is the key of a repetition of the cell with these labels.
func KeyOf(labels []Label, repeat int) CellKey {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(l.Key + "=" + l.Value + "/")
	}
	return CellKey(b.String() + "repeat=" + strconv.Itoa(repeat))
}

// Key names the cell within its run.
func (m *CellMeta) Key() CellKey { return KeyOf(m.Labels, m.Repeat) }

// file is the name of the cell's file: its key with commas for slashes.
func (m *CellMeta) file() string {
	var b strings.Builder
	for _, l := range m.Labels {
		// PathEscape escapes the comma too, and so names stay unambiguous.
		b.WriteString(l.Key + "=" + url.PathEscape(l.Value) + ",")
	}
	return b.String() + "repeat=" + strconv.Itoa(m.Repeat) + ".json"
}

func (m *CellMeta) check() error {
	if err := checkLabels(m.Labels); err != nil {
		return err
	}
	if m.Repeat < 0 {
		return fmt.Errorf("cell %s: a negative repetition", m.Key())
	}
	switch m.Status {
	case OK, Failed, NotRun:
		return nil
	}
	return fmt.Errorf("cell %s: status %q is none of ok, failed, n/a", m.Key(), m.Status)
}

// cellFile is a file of cells/. Results are lines of samples.txt, so that a
// figure is written by one rule everywhere.
type cellFile struct {
	CellMeta
	Results []string `json:"results"`
	// Histograms and Timelines are those of the results, by their index.
	Histograms map[int]*Histogram `json:"histograms,omitempty"`
	Timelines  map[int]*Timeline  `json:"timelines,omitempty"`
}

func encodeCell(c *Cell) ([]byte, error) {
	f := cellFile{CellMeta: c.Meta, Results: []string{}}
	for i := range c.Results {
		line, err := c.Results[i].line()
		if err != nil {
			return nil, err
		}
		f.Results = append(f.Results, line)
		if h := c.Results[i].Histogram; h != nil {
			if f.Histograms == nil {
				f.Histograms = map[int]*Histogram{}
			}
			f.Histograms[i] = h
		}
		if t := c.Results[i].Timeline; t != nil {
			if f.Timelines == nil {
				f.Timelines = map[int]*Timeline{}
			}
			f.Timelines[i] = t
		}
	}
	return encodeJSON(f)
}

func decodeCell(data []byte, file string) (*Cell, error) {
	var f cellFile
	if err := decodeJSON(data, file, &f); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, &SyntaxError{file, 0, err.Error()}
	}
	c := &Cell{Meta: f.CellMeta}
	for i, line := range f.Results {
		r, err := parseResult(line)
		if err != nil {
			return nil, &SyntaxError{file, 0, err.Error()}
		}
		r.Histogram, r.Timeline = f.Histograms[i], f.Timelines[i]
		c.Results = append(c.Results, r)
	}
	return c, nil
}
