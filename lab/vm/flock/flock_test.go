package flock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Acquire(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Try(path); !errors.Is(err, ErrHeld) {
		t.Errorf("a held lock was taken: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Acquire(ended, path); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting past the context's end: %v", err)
	}

	// A holder that removes the file: the one who waited locks the new file, and so
	// does not share with one who came later.
	got := make(chan *Lock)
	go func() {
		l, err := Acquire(context.Background(), path)
		if err != nil {
			t.Error(err)
		}
		got <- l
	}()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	held.Release()
	waited := <-got
	if _, err := Try(path); !errors.Is(err, ErrHeld) {
		t.Errorf("two hold the lock: %v", err)
	}
	waited.Release()
	// The one who gave up waiting may hold it for a moment.
	if l, err := Acquire(t.Context(), path); err != nil {
		t.Errorf("a lock given back is not free: %v", err)
	} else {
		l.Release()
	}
}
