package vm

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab/vm/flock"
)

// processors deals the host's processors out to guests: first those that no
// guest has, of whichever lab of this user, then the least used of its own. A
// lock on a file in dir says that a processor is taken, and dies with its process.
type processors struct {
	dir    string
	mu     sync.Mutex
	guests map[int]int         // of this lab, by processor
	locks  map[int]*flock.Lock // those held
}

func newProcessors(dir string) *processors {
	p := &processors{dir: dir, guests: map[int]int{}, locks: map[int]*flock.Lock{}}
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) == nil {
		for i := range 8 * 8 * len(allowed) {
			if allowed.IsSet(i) {
				p.guests[i] = 0
			}
		}
	}
	if len(p.guests) == 0 {
		p.guests[0] = 0
	}
	return p
}

func (p *processors) take() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	order := slices.SortedFunc(maps.Keys(p.guests), func(a, b int) int {
		return cmp.Or(cmp.Compare(p.guests[a], p.guests[b]), cmp.Compare(a, b))
	})
	chosen := order[0]
	for _, i := range order {
		if p.guests[i] == 0 && p.lock(i) {
			chosen = i
			break
		}
	}
	p.guests[chosen]++
	return chosen
}

// lock reports whether nobody else has a processor. Where that cannot be known,
// as in a directory that cannot be written, nobody has.
func (p *processors) lock(i int) bool {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return true
	}
	l, err := flock.Try(filepath.Join(p.dir, fmt.Sprintf("%d.lock", i)))
	if errors.Is(err, flock.ErrHeld) {
		return false
	}
	if err == nil {
		p.locks[i] = l
	}
	return true
}

func (p *processors) give(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.guests[i]--
	if l := p.locks[i]; l != nil && p.guests[i] == 0 {
		l.Release()
		delete(p.locks, i)
	}
}
