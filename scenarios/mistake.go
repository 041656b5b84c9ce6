package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a scenario.
type Mistake struct {
	File         string // as the user named it; "" when a flag is wrong
	Line, Column int    // 1-based, the column in characters; 0 when there is no place to point at
	Flag         string // "--services" when the mistake came with a flag
	Path         string // the key it is about, such as services.count[2]; may be empty
	Message      string // what is wrong, and what would be right
}

// String is file:line:column: path: message, or --flag: message.
func (m Mistake) String() string {
	var parts []string
	switch {
	case m.Flag != "":
		return m.Flag + ": " + m.Message
	case m.Line > 0:
		parts = append(parts, fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Column))
	default:
		parts = append(parts, m.File)
	}
	if m.Path != "" {
		parts = append(parts, m.Path)
	}
	return strings.Join(append(parts, m.Message), ": ")
}

// Mistakes is everything that is wrong with a scenario, in the order of the
// file. It is the only kind of error that this package returns, never empty.
type Mistakes []Mistake

// mostShown keeps a file that is no scenario at all from flooding a terminal.
const mostShown = 100

// Error is one line for each mistake, up to mostShown.
func (m Mistakes) Error() string {
	var lines []string
	for i := range m[:min(len(m), mostShown)] {
		lines = append(lines, m[i].String())
	}
	if more := len(m) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more mistakes", more))
	}
	return strings.Join(lines, "\n")
}

func (m Mistakes) sort() {
	slices.SortStableFunc(m, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
