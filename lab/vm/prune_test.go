package vm

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/svcmark/svcmark/lab/vm/flock"
)

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"old", "older", "held", "new", "newest"} {
		path := filepath.Join(dir, name)
		for _, f := range []string{path, path + ".lock"} {
			if err := os.WriteFile(f, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		used := time.Unix([]int64{300, 200, 100, 400, 500}[i], 0)
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
	// What a killed process left, and what a living one is making.
	for _, f := range []string{"dead.tmp", "dead.lock", "busy.tmp", "busy.lock"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"held", "busy"} {
		l, err := flock.Try(filepath.Join(dir, key+".lock"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release()
	}
	if err := prune(dir, 2); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	want := []string{"busy.lock", "busy.tmp", "held", "held.lock", "new", "new.lock", "newest", "newest.lock"}
	if !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}
