package kubeproxy

import (
	"bytes"
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

// said counts what kube-proxy has logged of that.
type said struct {
	mu     sync.Mutex
	counts map[string]int
	// complete, if set, is called when lines say saidComplete, while kube-proxy's
	// next lines wait.
	complete func()
}

func newSaid() *said { return &said{counts: map[string]int{}} }

// onComplete has fn called when a sync is complete.
func (s *said) onComplete(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complete = fn
}

// lines takes in lines of the log.
func (s *said) lines(lines [][]byte) {
	if complete := s.add(lines); complete != nil {
		complete()
	}
}

// add counts, and gives what is to be called for it.
func (s *said) add(lines [][]byte) (complete func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range lines {
		for _, phrase := range []string{saidNodeSynced, saidTopology, saidServiceCIDRs, saidSyncing, saidComplete} {
			if bytes.Contains(line, []byte(phrase)) {
				s.counts[phrase]++
				if phrase == saidComplete {
					complete = s.complete
				}
			}
		}
	}
	return complete
}

func (s *said) count(phrase string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[phrase]
}
