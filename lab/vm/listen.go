package vm

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/svcmark/svcmark/lab/tail"
	"github.com/svcmark/svcmark/lab/vm/wire"
)

// maxLine bounds one line of a worker's stdout.
const maxLine = 16 << 20

// listener is what was heard of a guest.
type listener struct {
	end  *wire.End   // nil when the guest never said that it was done
	err  error       // why the listening ended without an end; io.EOF when QEMU ended
	tail tail.Buffer // of the worker's stderr
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
			_, _ = l.tail.Write(b)
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

// panicked finds a kernel's panic on its console: why it did, and the lines around
// that, for what comes last is only a dump of registers.
func panicked(console string) (why string, around []string) {
	lines := tail.Plain(console)
	for i, line := range lines {
		if _, why, ok := strings.Cut(line, "Kernel panic - not syncing: "); ok {
			from := max(0, i-tail.MaxLines/4)
			return why, lines[from:min(len(lines), from+tail.MaxLines)]
		}
	}
	return "", nil
}
