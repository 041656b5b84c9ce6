package apiclient

import (
	"bytes"
	"slices"
	"sync"
)

// lastLines is how much of its log an error shows.
const lastLines = 20

// Log is what a program says, of which it keeps the end.
type Log struct {
	// lines, if set, is called with the whole lines of each write, before the
	// program can go on to its next and before anyone is woken who waits for them.
	lines func([][]byte)

	mu      sync.Mutex
	last    []string // lines
	partial []byte   // the line that is being written
	more    chan struct{}
}

// NewLog makes a Log; lines may be nil. What it is called with is only lent.
func NewLog(lines func([][]byte)) *Log { return &Log{lines: lines, more: make(chan struct{})} }

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	if lines := l.add(p); len(lines) > 0 {
		if l.lines != nil {
			l.lines(lines)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.more)
		l.more = make(chan struct{})
	}
	return len(p), nil
}

// add takes in what was written, and gives the lines that end with it.
func (l *Log) add(p []byte) (lines [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, whole := bytes.Cut(l.partial, []byte("\n"))
		if !whole {
			return lines
		}
		lines = append(lines, line)
		l.last = append(l.last, string(line))
		l.last = l.last[max(0, len(l.last)-lastLines):]
		l.partial = rest
	}
}

// Next is closed when another line comes.
func (l *Log) Next() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.more
}

// End is its last lines, whole or not.
func (l *Log) End() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := slices.Clone(l.last)
	if len(l.partial) > 0 {
		lines = append(lines, string(l.partial))
	}
	return lines
}
