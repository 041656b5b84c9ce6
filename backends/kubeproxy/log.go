package kubeproxy

import (
	"bytes"
	"slices"
	"sync"
)

// What kube-proxy logs that is waited for. The last two are logged at verbosity 2 in
// the modes iptables and nftables; the others, and in ipvs all, at no more than 4.
const (
	saidNodeSynced   = "Calling handler.OnNodeSynced()"
	saidTopology     = "Updated proxier node topology labels"
	saidServiceCIDRs = "Calling handler.OnServiceCIDRsChanged"
	saidSyncing      = `] "Syncing `
	saidComplete     = "yncProxyRules complete" // with a small s in the mode ipvs
)

// lastLines is how much of its log an error shows.
const lastLines = 20

// log is what kube-proxy says: its end is kept, and some of it is counted.
type log struct {
	mu      sync.Mutex
	last    []string // lines
	partial []byte   // the line that is being written
	counts  map[string]int
	more    chan struct{} // closed at the next line
	// complete, if set, is called when lines say saidComplete, while kube-proxy's
	// next lines wait.
	complete func()
}

func newLog() *log { return &log{counts: map[string]int{}, more: make(chan struct{})} }

func (l *log) Write(p []byte) (int, error) {
	if complete := l.add(p); complete != nil {
		complete()
	}
	return len(p), nil
}

// onComplete has fn called when a sync is complete.
func (l *log) onComplete(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.complete = fn
}

// add takes in what was written, and gives what is to be called for it.
func (l *log) add(p []byte) (complete func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, whole := bytes.Cut(l.partial, []byte("\n"))
		if !whole {
			break
		}
		for _, phrase := range []string{saidNodeSynced, saidTopology, saidServiceCIDRs, saidSyncing, saidComplete} {
			if bytes.Contains(line, []byte(phrase)) {
				l.counts[phrase]++
				if phrase == saidComplete {
					complete = l.complete
				}
			}
		}
		l.last = append(l.last, string(line))
		l.last = l.last[max(0, len(l.last)-lastLines):]
		l.partial = rest
		close(l.more)
		l.more = make(chan struct{})
	}
	return complete
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

// end is its last lines, whole or not.
func (l *log) end() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := slices.Clone(l.last)
	if len(l.partial) > 0 {
		lines = append(lines, string(l.partial))
	}
	return lines
}
