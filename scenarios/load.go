package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed *.yaml
var presetFiles embed.FS

// Preset is a scenario that comes with svcmark: a file of this folder.
type Preset struct {
	Name        string
	Description string // the question that it answers
}

// Presets are the built-in scenarios, by name.
func Presets() []Preset {
	var presets []Preset
	for _, name := range presetNames() {
		s, err := parsePreset(name, Known{})
		if err != nil {
			panic("preset " + name + ": " + err.Error()) // a test parses them all
		}
		presets = append(presets, Preset{name, s.Metadata.Description})
	}
	return presets
}

// Load reads the preset of that name, or else the file at that path; a file
// that is called like a preset is reached as ./quick. The error is a Mistakes.
func Load(nameOrPath string, known Known) (*Scenario, error) {
	if s, err := parsePreset(nameOrPath, known); !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	fail := func(message string) error { return Mistakes{{File: nameOrPath, Message: message}} }
	f, err := os.Open(nameOrPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail("there is no such file and no such preset; " + Instead(nameOrPath, presetNames()))
	} else if err != nil {
		return nil, fail(reason(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fail(fmt.Sprintf("is a directory; name a scenario file in it, or a preset: %s", oneOf(presetNames())))
	}
	data, err := readAll(nameOrPath, f)
	if err != nil {
		return nil, err
	}
	return parse(nameOrPath, data, known, beside(nameOrPath))
}

// beside reads files from the folder of a scenario's.
func beside(scenario string) files {
	return func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(scenario), name)
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.LimitReader(f, maxConfiguration+1)) // check tells what is too large
	}
}

// Read reads a scenario to the end of its input, or to a size that none has.
func Read(name string, in io.Reader, known Known) (*Scenario, error) {
	data, err := readAll(name, in)
	if err != nil {
		return nil, err
	}
	return Parse(name, data, known)
}

func readAll(name string, in io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxSize+1)) // a device or a pipe has no size to ask for
	if err != nil {
		return nil, Mistakes{{File: name, Message: reason(err)}}
	}
	return data, nil
}

// parsePreset parses a preset; fs.ErrNotExist says that there is none.
func parsePreset(name string, known Known) (*Scenario, error) {
	if strings.ContainsRune(name, '/') {
		return nil, fs.ErrNotExist
	}
	data, err := presetFiles.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fs.ErrNotExist
	}
	return Parse("preset "+name, data, known)
}

func presetNames() []string {
	files, _ := presetFiles.ReadDir(".") // sorted; an embedded directory is always there
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f.Name(), ".yaml")
	}
	return names
}

// reason is what the system said, without the path, which the message has.
func reason(err error) string {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return "cannot be read: " + pe.Err.Error()
	}
	return "cannot be read: " + err.Error()
}
