package kubeproxy

import (
	"fmt"
	"slices"
	"testing"
)

func TestLogCountsAcrossWrites(t *testing.T) {
	l := newLog()
	completed := 0
	l.onComplete(func() { completed++ })
	more := l.next()
	for _, p := range []string{"I1126 SyncProxyRules com", "plete elapsed=1ms\nI1126 syncProxyRules complete\nI1126 Calling handler.OnNode", "Synced()"} {
		if n, err := l.Write([]byte(p)); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
	}
	select {
	case <-more:
	default:
		t.Error("nobody was told of the lines")
	}
	if got := l.count(saidComplete); got != 2 {
		t.Errorf("%d syncs are complete, want 2", got)
	}
	if completed != 1 { // both came with one write: by then both were done
		t.Errorf("told %d times of complete syncs, want once", completed)
	}
	if got := l.count(saidNodeSynced); got != 0 {
		t.Errorf("half a line counts %d times", got)
	}
	_, _ = l.Write([]byte("\nI1126 proxier.go:1] \"Syncing ipvs proxier rules\"\nI1126 proxier.go:2] \"Not syncing ipvs rules\"\n"))
	if got := l.count(saidSyncing); got != 1 {
		t.Errorf("%d syncs have begun, want 1", got)
	}
	if got := l.count(saidNodeSynced); got != 1 {
		t.Errorf("a line in two writes counts %d times", got)
	}
}

func TestLogKeepsItsEnd(t *testing.T) {
	l := newLog()
	for i := range 3 * lastLines {
		fmt.Fprintf(l, "line %d\n", i)
	}
	fmt.Fprint(l, "panic: ")
	want := []string{}
	for i := 2 * lastLines; i < 3*lastLines; i++ {
		want = append(want, fmt.Sprintf("line %d", i))
	}
	if got := l.end(); !slices.Equal(got, append(want, "panic: ")) {
		t.Errorf("its end is %q", got)
	}
}
