package vm

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/svcmark/svcmark/lab/vm/wire"
)

// maxLine bounds one line of a worker's stdout.
const maxLine = 16 << 20

// listener is what was heard of a guest.
type listener struct {
	end  *wire.End // nil when the guest never said that it was done
	err  error     // why the listening ended without an end; io.EOF when QEMU ended
	tail tail      // of the worker's stderr
}

// listen reads a guest's records until the last one, and hands the worker's lines
// to event and, at each record, calls alive. Either may be nil.
func listen(r io.Reader, event func([]byte), alive func()) *listener {
	l := new(listener)
	records := wire.NewReader(r)
	var line []byte // the part of the last line that has come
	for {
		kind, b, err := records.Next()
		if err != nil {
			l.err = err
			return l
		}
		if alive != nil {
			alive()
		}
		switch kind {
		case wire.Log:
			l.tail.write(b)
		case wire.Done:
			if len(line) > 0 && event != nil {
				event(line) // it ended without a newline
			}
			l.end = new(wire.End)
			l.err = json.Unmarshal(b, l.end)
			return l
		case wire.Event:
			for {
				part, rest, whole := bytes.Cut(b, []byte("\n"))
				line = append(line, part...)
				if len(line) > maxLine {
					l.err = errLongLine
					return l
				}
				if !whole {
					break
				}
				if event != nil {
					event(line)
				}
				line, b = line[:0], rest
			}
		}
	}
}

// tail keeps the last lines of a text.
type tail struct{ text []byte }

const (
	tailBytes = 64 << 10
	tailLines = 20
)

func (t *tail) write(b []byte) {
	t.text = append(t.text, b...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
}

func (t *tail) lines() []string { return lastLines(string(t.text)) }

// lastLines gives the last lines of a text that are not blank, without control
// characters: they end on a terminal.
func lastLines(text string) []string {
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
	return lines[max(0, len(lines)-tailLines):]
}
