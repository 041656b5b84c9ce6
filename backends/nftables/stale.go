package nftables

import (
	"context"
	"maps"
	"slices"
	"time"
)

// staleFor is how long a chain that nothing leads to stays: kernels before 6.2
// notice only a moment later that a map's element is gone which led to it
// (staleChains of kube-proxy).
const staleFor = time.Second

// stale are chains that are flushed and wait to be deleted, by when they
// became so.
type stale map[string]time.Time

// deleteDue deletes those that waited long enough. Some that cannot be deleted
// yet wait anew.
func (s stale) deleteDue(ctx context.Context, t tool, f *family) error {
	now := time.Now()
	w := newScript(f)
	var due []string
	for _, chain := range slices.Sorted(maps.Keys(s)) {
		if now.Sub(s[chain]) > staleFor {
			due = append(due, chain)
			w.cmd("delete chain").str(chain).end()
		}
	}
	err := t.run(ctx, w)
	for _, chain := range due {
		if err == nil {
			delete(s, chain)
		} else {
			s[chain] = now
		}
	}
	return err
}

// flush empties a chain that is not used any more and lets it wait.
func (s stale) flush(w *script, chain string, now time.Time) {
	w.cmd("flush chain").str(chain).end()
	s[chain] = now
}
