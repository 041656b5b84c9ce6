package vm

import (
	"sync"

	"golang.org/x/sys/unix"
)

// processors deals the host's processors out to guests, the least used first.
type processors struct {
	mu     sync.Mutex
	guests map[int]int // by processor
}

func newProcessors() *processors {
	p := &processors{guests: map[int]int{}}
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
	least := -1
	for i, n := range p.guests {
		if least < 0 || n < p.guests[least] || n == p.guests[least] && i < least {
			least = i
		}
	}
	p.guests[least]++
	return least
}

func (p *processors) give(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.guests[i]--
}
