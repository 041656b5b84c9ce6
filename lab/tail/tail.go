// Package tail keeps the end of what a worker or its machine printed, for the
// error that shows it.
package tail

import "strings"

// MaxLines is how many lines an error shows.
const MaxLines = 20

// maxBytes bounds what a Buffer holds.
const maxBytes = 64 << 10

// Buffer is a writer that keeps the end of what was written. Writing never fails.
type Buffer struct{ text []byte }

func (b *Buffer) Write(p []byte) (int, error) {
	b.text = append(b.text, p...)
	if over := len(b.text) - maxBytes; over > 0 {
		b.text = append(b.text[:0], b.text[over:]...)
	}
	return len(p), nil
}

// Lines are the last lines that were written: see Last.
func (b *Buffer) Lines() []string { return Last(Plain(string(b.text))) }

// Last gives the last MaxLines of lines.
func Last(lines []string) []string { return lines[max(0, len(lines)-MaxLines):] }

// Plain gives a text's lines that are not blank, without control characters:
// they end on a terminal.
func Plain(text string) []string {
	var lines []string
	for l := range strings.Lines(text) {
		l = strings.Map(func(r rune) rune {
			if r == '\t' {
				return ' '
			}
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, strings.ToValidUTF8(l, "?"))
		if l = strings.TrimRight(l, " "); l != "" {
			lines = append(lines, l)
		}
	}
	return lines
}
