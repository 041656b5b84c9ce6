package ipvs

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// undisturbed runs do without letting ordinary tasks of the same CPU in
// between, where the process may ask for that.
//
// Each address that is bound queues a work item that walks every address of the
// namespace (check_lifetime, net/ipv4/devinet.c). The kernel's worker takes it
// as soon as the sender can be preempted, which is after every address: a
// quarter of all that a batch of 5,000 costs. Behind a real-time task the work
// items become one.
func undisturbed(do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return do()
	}
	// Threads and programs that are started meanwhile do not inherit it.
	realTime := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	if unix.SchedSetAttr(0, realTime, 0) != nil {
		return do() // not root
	}
	defer func() { _ = unix.SchedSetAttr(0, before, 0) }()
	return do()
}
