package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

const (
	// maxSize of a file in bytes. The presets have a few hundred, and a list of
	// 50,000 Services with 500,000 endpoints 40 MiB.
	maxSize = 64 << 20
	// maxMarks bounds the characters of a file that can start a value, and with
	// them the values, of which each takes 200 bytes: that list has half of it.
	maxMarks = 8_000_000
	maxDepth = 16 // of nested YAML; a scenario needs 4
)

// Parse reads the one scenario in data. name stands for it in messages. The
// error is a Mistakes with everything that is wrong, except after a mistake in
// the YAML itself, behind which nothing can be read.
func Parse(name string, data []byte, known Known) (*Scenario, error) {
	return parse(name, data, known, nil)
}

// files reads a file that a scenario names.
type files func(name string) ([]byte, error)

func parse(name string, data []byte, known Known, open files) (*Scenario, error) {
	one := func(line, column int, message string) error {
		return Mistakes{{File: name, Line: line, Column: column, Message: message}}
	}
	if len(data) > maxSize {
		return nil, one(0, 0, tooLarge)
	}
	if n := bytes.Count(data, []byte{','}) + bytes.Count(data, []byte{'\n'}) + bytes.Count(data, []byte{'['}) +
		bytes.Count(data, []byte{'{'}) + bytes.Count(data, []byte{'-', ' '}) + bytes.Count(data, []byte{':'}); n > maxMarks {
		return nil, one(0, 0, fmt.Sprintf("holds more than %d values; is that a scenario?", maxMarks))
	}
	if line, column, b := findBinary(data); line > 0 {
		return nil, one(line, column, fmt.Sprintf("the byte 0x%02x has no place in a text; a scenario is a YAML file in UTF-8", b))
	}

	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return nil, one(0, 0, err.Error())
	}
	var doc, next yaml.Node
	if err := loader.Load(&doc); errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, one(1, 1, "is empty; a scenario starts with apiVersion: "+APIVersion)
	} else if err != nil {
		return nil, syntax(name, err)
	}
	if err := loader.Load(&next); err == nil {
		return nil, one(next.Line, next.Column, "a second document starts here; give each scenario a file of its own")
	} else if !errors.Is(err, io.EOF) {
		return nil, syntax(name, err)
	}

	d := &decoder{file: name, marks: map[string]*yaml.Node{}, bad: map[string]bool{}, open: open}
	s := defaults()
	d.at("", doc.Content[0], d.scenario(s))
	for _, p := range s.check(known) {
		d.problem(p)
	}
	if len(d.mistakes) > 0 {
		d.mistakes.sort()
		return nil, d.mistakes
	}
	return s, nil
}

const tooLarge = "is larger than 64 MiB; is that a scenario?"

// syntax turns the YAML library's error into ours.
func syntax(name string, err error) error {
	m := Mistake{File: name, Line: 1, Column: 1, Message: "is no valid YAML: " + err.Error()}
	if le := (*yaml.LoadError)(nil); errors.As(err, &le) {
		m.Message = "is no valid YAML: " + le.Message
		if le.ContextMsg != "" {
			m.Message += " " + le.ContextMsg
		}
		if le.Mark.Line > 0 {
			m.Line, m.Column = le.Mark.Line, max(1, le.Mark.Column)
		}
	}
	return Mistakes{m}
}

// problem places one of check's findings in the file. A problem that follows
// from a value that could not even be read is no news and left out.
func (d *decoder) problem(p problem) {
	for _, path := range p.paths {
		for bad := range d.bad {
			if within(path, bad) || within(bad, path) {
				return
			}
		}
	}
	m := Mistake{File: d.file, Line: 1, Column: 1, Path: p.paths[0], Message: p.message}
	// A default that conflicts with what the file says has no place of its own.
	for _, path := range p.paths {
		if n := d.marks[path]; n != nil {
			m.Line, m.Column, m.Path = n.Line, n.Column, path
			break
		}
	}
	d.mistakes = append(d.mistakes, m)
}

// findBinary finds the first byte that YAML text in UTF-8 cannot have; line is 0
// when there is none.
func findBinary(data []byte) (line, column int, b byte) {
	line, column = 1, 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return line, column, data[0]
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		data = data[size:]
	}
	return 0, 0, 0
}
