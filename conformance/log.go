package conformance

import (
	"bytes"
	"sync"

	"github.com/svcmark/svcmark/lab/tail"
)

// What kube-proxy logs at verbosity 4 that is waited for.
const (
	saidNodeSynced   = "Calling handler.OnNodeSynced()"
	saidTopology     = "Updated proxier node topology labels"
	saidServiceCIDRs = "Calling handler.OnServiceCIDRsChanged"
)

// log is what kube-proxy says: its end is kept, and some of it is counted.
type log struct {
	mu      sync.Mutex
	kept    tail.Buffer
	partial []byte // the line that is being written
	counts  map[string]int
	more    chan struct{} // closed at the next line
}

func newLog() *log { return &log{counts: map[string]int{}, more: make(chan struct{})} }

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.kept.Write(p)
	l.partial = append(l.partial, p...)
	for {
		line, rest, whole := bytes.Cut(l.partial, []byte("\n"))
		if !whole {
			break
		}
		for _, phrase := range []string{saidNodeSynced, saidTopology, saidServiceCIDRs} {
			if bytes.Contains(line, []byte(phrase)) {
				l.counts[phrase]++
			}
		}
		l.partial = rest
		close(l.more)
		l.more = make(chan struct{})
	}
	return len(p), nil
}

func (l *log) count(phrase string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[phrase]
}

// next is closed when another line comes.
func (l *log) next() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.more
}

func (l *log) end() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept.Lines()
}
