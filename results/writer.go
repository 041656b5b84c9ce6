package results

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// The files of a run directory.
const (
	metaFile    = "run.json"
	samplesFile = "samples.txt"
	cellsDir    = "cells"
	draftFile   = "meta.json" // in cellsDir: Meta while the run is unfinished
)

// Writer fills a run directory. At any moment, whatever ends the process, the
// directory holds a run that Resume can go on with or that Read reads. Its
// methods may be called concurrently.
type Writer struct {
	dir  string
	meta Meta // without cells
	lock *os.File

	mu    sync.Mutex
	cells map[CellKey]*Cell
}

// Create makes dir, and its parents, and begins a run in it. A directory that
// already holds anything gives an *ExistsError and is left as it is. Whatever
// else fails, what Create had made is gone again.
func Create(dir string, meta Meta) (*Writer, error) {
	made, err := makeDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot begin a run: %w", err)
	}
	w, err := create(dir, meta)
	if err != nil {
		for _, d := range slices.Backward(made) {
			_ = os.Remove(d) // refuses one that is no longer empty, rightly
		}
		var exists *ExistsError
		if errors.As(err, &exists) {
			return nil, exists
		}
		return nil, fmt.Errorf("cannot begin a run in %s: %w", dir, err)
	}
	return w, nil
}

func create(dir string, meta Meta) (*Writer, error) {
	if err := checkEmpty(dir); err != nil {
		return nil, err
	}
	meta.Format = Format
	meta.Cells = []CellMeta{}
	data, err := encodeJSON(meta)
	if err != nil {
		return nil, err
	}
	// The draft is in place before the directory has its name, so that there
	// is never a cells/ that nobody knows the run of.
	temp, err := os.MkdirTemp(dir, tempPrefix+"*")
	if err != nil {
		return nil, err
	}
	err = os.Chmod(temp, 0o755)
	if err == nil {
		err = writeFile(filepath.Join(temp, draftFile), writeBytes(data))
	}
	if err == nil {
		err = os.Rename(temp, filepath.Join(dir, cellsDir))
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(temp))
	}
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(filepath.Join(dir, cellsDir))
	if err != nil {
		return nil, err
	}
	return &Writer{dir: dir, meta: meta, lock: lock, cells: map[CellKey]*Cell{}}, nil
}

// Resume goes on with the unfinished run in dir. A run of another fingerprint
// or scenario gives a *MismatchError that says what differs; a finished one an
// *ExistsError; none at all an error that is fs.ErrNotExist.
func Resume(dir string, meta Meta) (*Writer, error) {
	if _, err := os.Stat(filepath.Join(dir, metaFile)); err == nil {
		return nil, &ExistsError{dir, "a finished run", "there is nothing to resume"}
	}
	cells := filepath.Join(dir, cellsDir)
	data, err := os.ReadFile(filepath.Join(cells, draftFile))
	if err != nil {
		return nil, fmt.Errorf("%w in %s: %w", ErrNoRun, dir, err)
	}
	lock, err := lockDir(cells)
	if err != nil {
		return nil, err
	}
	w := &Writer{dir: dir, lock: lock, cells: map[CellKey]*Cell{}}
	if err := w.load(data, meta); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return w, nil
}

// load reads what an unfinished run has and drops what was half written.
func (w *Writer) load(draft []byte, meta Meta) error {
	cells := filepath.Join(w.dir, cellsDir)
	old, err := decodeMeta(draft, filepath.Join(cells, draftFile))
	if err != nil {
		return err
	}
	ds := Diff(old.Fingerprint, meta.Fingerprint)
	if old.Scenario != meta.Scenario && old.Fingerprint.Scenario == meta.Fingerprint.Scenario {
		ds = append(ds, Difference{"scenario text", old.Scenario, meta.Scenario})
	}
	if len(ds) > 0 {
		return &MismatchError{w.dir, ds}
	}
	w.meta = *old // it began when it began
	for _, dir := range []string{w.dir, cells} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			switch {
			case strings.HasPrefix(e.Name(), tempPrefix):
				if err := os.RemoveAll(path); err != nil {
					return err
				}
			case dir == cells && e.Name() != draftFile:
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				c, err := decodeCell(data, path)
				if err != nil {
					return err
				}
				w.cells[c.Meta.Key()] = c
			}
		}
	}
	return nil
}

// Has tells whether the cell is finished.
func (w *Writer) Has(key CellKey) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cells[key] != nil
}

// Observe keeps what was found of the machine around the cells: when it returns nil it
// is on the disk.
func (w *Writer) Observe(change func(*Meta)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.meta)
	data, err := encodeJSON(w.meta)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(w.dir, cellsDir, draftFile), writeBytes(data))
}

// Add keeps a finished cell: when it returns nil the cell is on the disk. A
// cell that is there already is an error.
func (w *Writer) Add(c Cell) error {
	if err := c.Meta.check(); err != nil {
		return err
	}
	data, err := encodeCell(&c)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	key := c.Meta.Key()
	if w.cells[key] != nil {
		return fmt.Errorf("cell %s is finished twice", key)
	}
	if err := writeFile(filepath.Join(w.dir, cellsDir, c.Meta.file()), writeBytes(data)); err != nil {
		return fmt.Errorf("cannot keep cell %s: %w", key, err)
	}
	w.cells[key] = &c
	return nil
}

// Finish assembles the run from its cells, in the given order, which must name
// every finished cell once: samples.txt does not depend on the order in which
// cells finished. After an error the run is still there to be resumed. After
// nil the Writer is closed.
func (w *Writer) Finish(units []Unit, order []CellKey, finished time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	meta := w.meta
	meta.Finished = finished
	var all []Result
	seen := map[CellKey]bool{}
	for _, key := range order {
		c := w.cells[key]
		if c == nil {
			return fmt.Errorf("cell %s is not finished", key)
		}
		if seen[key] {
			return fmt.Errorf("cell %s stands twice in the run's order", key)
		}
		seen[key] = true
		meta.Cells = append(meta.Cells, c.Meta)
		all = append(all, c.Results...)
	}
	for key := range w.cells {
		if !seen[key] {
			return fmt.Errorf("cell %s is finished but not part of the run's order", key)
		}
	}
	data, err := encodeJSON(meta)
	if err != nil {
		return err
	}
	err = writeFile(filepath.Join(w.dir, samplesFile), func(f io.Writer) error {
		return Encode(f, units, all)
	})
	if err == nil {
		err = writeHistograms(w.dir, all)
	}
	if err == nil {
		err = writeTimelines(w.dir, all)
	}
	if err == nil {
		// Last, for it is what makes the run a finished one.
		err = writeFile(filepath.Join(w.dir, metaFile), writeBytes(data))
	}
	if err != nil {
		return fmt.Errorf("cannot finish the run: %w", err)
	}
	return errors.Join(os.RemoveAll(filepath.Join(w.dir, cellsDir)), w.lock.Close())
}

// Close leaves the run as it is, to be resumed. After Finish it does nothing.
func (w *Writer) Close() error {
	if err := w.lock.Close(); !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}

func writeBytes(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}
