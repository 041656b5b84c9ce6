package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Format is the number of the run directory's format that this package writes.
const Format = 1

// Read reads a finished run. An unfinished one gives an *UnfinishedError; a
// mistake in a file a *SyntaxError with its name and line.
func Read(dir string) (*Run, error) {
	path := filepath.Join(dir, metaFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if n, ok := unfinished(dir); ok {
			return nil, &UnfinishedError{dir, n}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not a run: %w", dir, err)
	}
	meta, err := decodeMeta(data, path)
	if err != nil {
		return nil, err
	}
	path = filepath.Join(dir, samplesFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the run in %s is not whole: %w", dir, err)
	}
	defer f.Close()
	units, results, err := Decode(f, path)
	if err != nil {
		return nil, err
	}
	if err := readHistograms(dir, results); err != nil {
		return nil, err
	}
	if err := readTimelines(dir, results); err != nil {
		return nil, err
	}
	return &Run{Dir: dir, Meta: *meta, Units: units, Results: results}, nil
}

// unfinished counts the cells of an interrupted run.
func unfinished(dir string) (cells int, ok bool) {
	entries, err := os.ReadDir(filepath.Join(dir, cellsDir))
	for _, e := range entries {
		switch {
		case e.Name() == draftFile:
			ok = true
		case !strings.HasPrefix(e.Name(), tempPrefix):
			cells++
		}
	}
	return cells, ok && err == nil
}

func decodeMeta(data []byte, file string) (*Meta, error) {
	var m Meta
	if err := decodeJSON(data, file, &m); err != nil {
		return nil, err
	}
	switch {
	case m.Format == 0:
		return nil, &SyntaxError{file, 0, "it has no format number: it is not a run's"}
	case m.Format != Format:
		return nil, &SyntaxError{file, 0, fmt.Sprintf("it is in format %d and this svcmark reads format %d: use the svcmark that wrote it (%q) or a newer one",
			m.Format, Format, m.Fingerprint.Svcmark)}
	}
	for i := range m.Cells {
		if err := m.Cells[i].check(); err != nil {
			return nil, &SyntaxError{file, 0, err.Error()}
		}
	}
	return &m, nil
}
