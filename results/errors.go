package results

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoRun is what Resume answers when the directory holds no unfinished run.
var ErrNoRun = errors.New("no run to resume")

// ExistsError is what Create answers when the directory is not its to fill.
type ExistsError struct {
	Dir   string
	Holds string // what is in it: "a finished run", "an unfinished run", "notes.txt"
	Mend  string // what the user can do about it
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("%s already holds %s; %s", e.Dir, e.Holds, e.Mend)
}

// UnfinishedError is what Read answers for a run that was interrupted.
type UnfinishedError struct {
	Dir   string
	Cells int // how many of its cells are finished
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("%s holds an unfinished run (%d cells are done); finish it with `svcmark run --resume --out %s`", e.Dir, e.Cells, e.Dir)
}

// MismatchError is what Resume answers when the run in the directory was made
// by something else than what would go on with it.
type MismatchError struct {
	Dir         string
	Differences []Difference // at least one; A is the directory's, B is ours
}

func (e *MismatchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cannot go on with the run in %s: its cells would not be comparable", e.Dir)
	for _, d := range e.Differences {
		fmt.Fprintf(&b, "\n  %s was %s and is now %s", d.Field, orNone(d.A), orNone(d.B))
	}
	b.WriteString("\nstart a new run in another directory with --out")
	return b.String()
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// SyntaxError is a mistake in a file of a run directory.
type SyntaxError struct {
	File string
	Line int // 1-based; 0 when the mistake has no line
	Msg  string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}
