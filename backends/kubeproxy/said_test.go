package kubeproxy

import (
	"testing"

	"github.com/svcmark/svcmark/backends/apiclient"
)

func TestSaidCounts(t *testing.T) {
	s := newSaid()
	completed := 0
	s.onComplete(func() { completed++ })
	l := apiclient.NewLog(s.lines)
	for _, p := range []string{"I1126 SyncProxyRules com", "plete elapsed=1ms\nI1126 syncProxyRules complete\nI1126 Calling handler.OnNode", "Synced()"} {
		if n, err := l.Write([]byte(p)); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := s.count(saidComplete); got != 2 {
		t.Errorf("%d syncs are complete, want 2", got)
	}
	if completed != 1 { // both came with one write: by then both were done
		t.Errorf("told %d times of complete syncs, want once", completed)
	}
	if got := s.count(saidNodeSynced); got != 0 {
		t.Errorf("half a line counts %d times", got)
	}
	_, _ = l.Write([]byte("\nI1126 proxier.go:1] \"Syncing ipvs proxier rules\"\nI1126 proxier.go:2] \"Not syncing ipvs rules\"\n"))
	if got := s.count(saidSyncing); got != 1 {
		t.Errorf("%d syncs have begun, want 1", got)
	}
	if got := s.count(saidNodeSynced); got != 1 {
		t.Errorf("a line in two writes counts %d times", got)
	}
}
