package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// urgent puts the threads of a process, and those of the endpoint hosts' servers, before
// every other that wants a processor: SCHED_FIFO of sched(7). restore gives the servers
// their policies back.
func (t *Topology) urgent(pid int) (restore func() error, err error) {
	before := map[int]*unix.SchedAttr{}
	restore = func() error {
		var errs []error
		for _, s := range t.servers {
			errs = append(errs, everyThread(s.cmd.Process.Pid, func(thread int) error {
				a := before[thread]
				if a == nil { // it was started meanwhile
					a = &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}
				}
				return unix.SchedSetAttr(thread, a, 0)
			}))
		}
		return errors.Join(errs...)
	}
	pids := []int{pid}
	for _, s := range t.servers {
		pids = append(pids, s.cmd.Process.Pid)
	}
	for _, pid := range pids {
		err := everyThread(pid, func(thread int) error {
			was, err := unix.SchedGetAttr(thread, 0)
			if err != nil {
				return err
			}
			before[thread] = was
			return unix.SchedSetAttr(thread, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("scheduling a process before all others: %w", err), restore())
		}
	}
	return restore, nil
}

// everyThread calls fn for each thread of a process once, those too that are started
// meanwhile: they begin with the policy of the one that starts them.
func everyThread(pid int, fn func(thread int) error) error {
	known := map[int]bool{}
	for again := true; again; {
		again = false
		tasks, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
		if err != nil {
			return err
		}
		for _, task := range tasks {
			thread, err := strconv.Atoi(task.Name())
			if err != nil || known[thread] {
				continue
			}
			known[thread], again = true, true
			if err := fn(thread); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
	}
	return nil
}
