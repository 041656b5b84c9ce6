package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// makeDir is MkdirAll that says which directories it made, outermost first.
func makeDir(dir string) (made []string, err error) {
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil, nil
	case err == nil:
		return nil, fmt.Errorf("%s is a file; a run is a directory", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if parent := filepath.Dir(dir); parent != dir {
		if made, err = makeDir(parent); err != nil {
			return nil, err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return append(made, dir), nil
}

func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case metaFile:
			return &ExistsError{dir, "a finished run", "choose another directory with --out"}
		case cellsDir:
			return &ExistsError{dir, "an unfinished run", "go on with it with --resume, or choose another directory with --out"}
		}
	}
	if len(entries) > 0 {
		return &ExistsError{dir, entries[0].Name(), "a run needs a directory of its own: choose one with --out"}
	}
	return nil
}

// lockDir keeps a second process from writing the same run; the kernel lets go
// of the lock when the process ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("another svcmark is writing the run in %s: %w", filepath.Dir(dir), err)
	}
	return d, nil
}

// Check tells whether Create could begin a run in dir, and leaves nothing of
// the attempt: whoever has long work to do first may ask before it.
func Check(dir string) error {
	made, err := makeDir(dir)
	if err == nil {
		err = checkEmpty(dir)
	}
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(dir, tempPrefix+"*"); err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	for _, d := range slices.Backward(made) {
		_ = os.Remove(d) // refuses one that is no longer empty, rightly
	}
	if exists := (*ExistsError)(nil); err == nil || errors.As(err, &exists) {
		return err
	}
	return fmt.Errorf("cannot begin a run in %s: %w", dir, err)
}
