package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Prompt has the endpoint hosts answer as soon as a packet is there, before whatever
// else wants the processor, until restore is called. On a machine with one processor
// they otherwise run when nobody else does (endpoint.Ports). It needs CAP_SYS_NICE.
func (t *Topology) Prompt() (restore func() error, err error) {
	before := map[int]*unix.SchedAttr{} // by thread
	restore = func() error {
		var errs []error
		for tid, a := range before {
			if err := unix.SchedSetAttr(tid, a, 0); err != nil && !errors.Is(err, unix.ESRCH) {
				errs = append(errs, fmt.Errorf("giving an endpoint host its priority back: %w", err))
			}
		}
		return errors.Join(errs...)
	}
	for _, s := range t.servers {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.cmd.Process.Pid))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("finding the threads of an endpoint host: %w", err), restore())
		}
		for _, e := range threads {
			tid, err := strconv.Atoi(e.Name())
			if err != nil {
				continue
			}
			a, err := unix.SchedGetAttr(tid, 0)
			if err == nil {
				before[tid] = a
				err = bePrompt(tid)
			}
			if err != nil {
				return nil, errors.Join(fmt.Errorf("having an endpoint host answer at once: %w", err), restore())
			}
		}
	}
	return restore, nil
}

// BePrompt gives the calling thread the processor as soon as it wants it, for as long
// as the thread lives.
func BePrompt() error {
	if err := bePrompt(0); err != nil {
		return fmt.Errorf("having the client ask at once: %w", err)
	}
	return nil
}

// bePrompt gives a thread the least nice value, and a short slice: of two that want a
// processor, the scheduler lets that one in at once (EEVDF's PREEMPT_SHORT, since Linux
// 6.12, and by its weight before). A real-time policy would let it in before threads of
// its own process that hold a lock which it spins for.
func bePrompt(tid int) error {
	const slice = 100_000 // ns, the least that the kernel takes
	return unix.SchedSetAttr(tid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: -20, Runtime: slice}, 0)
}
