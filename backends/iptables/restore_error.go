package iptables

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// RestoreError is a restore that iptables-restore refused. Nothing of the
// table in which it failed is changed; tables before it are.
type RestoreError struct {
	Tool  string // name of the program
	Said  string // what it printed
	Line  int    // line of its input that it names, 0 when it names none
	Table Table  // that the line belongs to, "" when it names none
	Text  string // the line
	Err   error  // how the program ended
}

func (e *RestoreError) Error() string {
	s := fmt.Sprintf("%s: %v: %s", e.Tool, e.Err, strings.Join(strings.Fields(e.Said), " "))
	if e.Line > 0 {
		s += fmt.Sprintf(" (line %d, table %s: %s)", e.Line, e.Table, e.Text)
	}
	return s
}

// Unwrap gives how the program ended.
func (e *RestoreError) Unwrap() error { return e.Err }

// newRestoreError looks up the line that the tool complains of. The input was
// streamed and is gone, so it is written once more.
func newRestoreError(tool, said string, err error, write func(io.Writer) error) *RestoreError {
	e := &RestoreError{Tool: tool, Said: strings.TrimSpace(said), Err: err, Line: parseLine(said)}
	if e.Line > 0 {
		f := lineFinder{left: e.Line}
		_ = write(&f)
		e.Table, e.Text = f.table, string(f.line)
	}
	return e
}

// parseLine gives the number in what iptables-restore says of a line, 0 when
// there is none. Seen: "line 5 failed" (1.6 to 1.8, legacy), "Error occurred
// at line: 4" (all), "line 3: RULE_APPEND failed (No such file or directory):
// rule in chain X" (nft).
func parseLine(said string) int {
	words := strings.Fields(said)
	for i := 1; i < len(words); i++ {
		if strings.TrimSuffix(words[i-1], ":") != "line" {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSuffix(words[i], ":")); err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// lineFinder keeps one line of what is written to it, and the table around it.
type lineFinder struct {
	left  int // lines up to and including the wanted one
	table Table
	line  []byte // the current one until it is found
}

func (f *lineFinder) Write(p []byte) (int, error) {
	n := len(p)
	for f.left > 0 && len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		f.line = append(f.line, part...)
		p = rest
		if !ended {
			break
		}
		if len(f.line) > 0 && f.line[0] == '*' {
			f.table = Table(f.line[1:])
		}
		if f.left--; f.left > 0 {
			f.line = f.line[:0]
		}
	}
	return n, nil
}
