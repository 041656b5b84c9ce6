// Package flock keeps svcmark's processes from doing the same expensive work in
// the user's cache at the same time. A lock dies with its process.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrHeld is what TryLock answers when another holds the lock.
var ErrHeld = errors.New("the lock is held")

// Lock is a held, exclusive lock on a path.
type Lock struct{ f *os.File }

// Acquire waits for the exclusive lock on path, which it creates, or for the end
// of ctx. The holder may remove the file: who waited for it then locks the new one.
func Acquire(ctx context.Context, path string) (*Lock, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // and no file is left
	}
	type result struct {
		lock *Lock
		err  error
	}
	c := make(chan result, 1)
	go func() {
		l, err := lock(path, 0)
		c <- result{l, err}
	}()
	select {
	case r := <-c:
		return r.lock, r.err
	case <-ctx.Done():
		// flock cannot be interrupted. Whatever it gives later is given back.
		go func() {
			if r := <-c; r.lock != nil {
				r.lock.Release()
			}
		}()
		return nil, ctx.Err()
	}
}

// Try takes the lock if it is free, and else gives ErrHeld.
func Try(path string) (*Lock, error) { return lock(path, unix.LOCK_NB) }

func lock(path string, flags int) (*Lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		for {
			err = unix.Flock(int(f.Fd()), unix.LOCK_EX|flags)
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		if err != nil {
			f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, ErrHeld
			}
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		// The file may have been removed between the opening and the locking:
		// then this lock keeps nobody out.
		held, err1 := f.Stat()
		named, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(held, named) {
			return &Lock{f}, nil
		}
		f.Close()
	}
}

// Release gives the lock back.
func (l *Lock) Release() { l.f.Close() }
