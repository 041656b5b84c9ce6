package qemu

import "golang.org/x/sys/unix"

// yieldTo has a virtual CPU's thread give way to QEMU's main thread whenever that
// has something to do: both are put on one processor, and the CPU's runs only while the other
// sleeps.
//
// It makes the stop for a snapshot exact. The CPU that stops itself only asks the main
// loop to stop the machine. Should the CPU's thread come to rest before the
// main loop has looked (icount_start_warp_timer in QEMU's
// softmmu/icount.c), then the main loop sees a machine that runs and has nothing to do,
// and moves the virtual clock on to the next timer. Which of the two comes first
// is otherwise chance.
//
// Where a sandbox forbids it the chance remains; the guest notices and says so.
func yieldTo(main, cpu int) {
	var allowed, one unix.CPUSet
	if unix.SchedGetaffinity(main, &allowed) != nil {
		return
	}
	for i := range 8 * len(allowed) * 8 {
		if allowed.IsSet(i) {
			one.Set(i)
			break
		}
	}
	_ = unix.SchedSetaffinity(main, &one)
	_ = unix.SchedSetaffinity(cpu, &one)
	_ = unix.SchedSetAttr(cpu, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
}
