// Package vm is the lab that boots a machine of its own: a QEMU microVM with a full
// kernel, in which every backend can work whatever this machine's kernel lacks,
// and in which a clock without noise can run. It needs no root.
//
// # How it works
//
//	kernel   finds the kernel and its modules, or fetches them
//	image    builds the guest's root: this program as init, tools, modules
//	guest    is what this program does as the guest's init
//	qemu     starts QEMU and steers it
//	wire     is what host and guest say to each other
//	flock    keeps processes from doing the same work in the cache at once
//
// The guest boots once, loads every module, and stops itself; its state is kept in the
// user's cache. Each Run restores that state, which takes about a third of a
// second, and hands in a job; init starts this program again as the worker, and sends
// on what it prints. QEMU works on open files that it inherits, so there is
// nothing to clean up after a process that was killed: no socket, no folder.
//
// # The virtual clock, and what it does not tell
//
// Under lab.Virtual the guest's clock counts the instructions that the guest executes: a
// nanosecond of CLOCK_MONOTONIC is one instruction. While nothing is to be done it
// jumps to the next timer. The same job in the same guest reads the same times to the
// last digit, on any machine, however busy. What to know when reading such
// figures:
//
//   - They are work, not time. There are no caches, no branch prediction, no
//     memory latency, no second processor and so no contention for a lock. What grows with
//     the number of Services grows as it does on hardware; how long it takes is for
//     a wall clock to say. Show instructions, never seconds.
//   - An instruction is an instruction: a string instruction counts once for each
//     element that it moves, and a division costs no more than an addition. The guest's
//     CPU lacks erms and fsrm so that it does not copy byte by byte.
//   - Between two mechanisms the ratio of instructions is not the ratio of times. A
//     mechanism that misses the cache more is slower than its count says. Compare growth
//     within a mechanism; to rank mechanisms, show a wall clock beside it.
//   - Exact is not insensitive. Whatever shifts the guest's memory or timers (another
//     build of svcmark, a tool's or a kernel's update, a longer command line) moves
//     figures a little: a single packet's minimum hardly, a whole sync by up to
//     some percent, because more or fewer timer ticks fall into it. When two different
//     guests are compared, use several values of Job.Perturb and take minima or
//     medians; only for one and the same guest is every digit significant.
//   - Figures belong to the Fingerprint: kernel, QEMU, its CPU model, the tools, the
//     amount of memory and this very program. Two fingerprints with the same Guest
//     may be compared digit by digit, others with the care above.
//   - A worker's prints are part of its work. They are sent on before the worker
//     continues, at about one instruction a byte and some thousands a write, so print
//     nothing while something is timed.
//
// Under lab.Wall guests run under KVM, if one really boots, with the machine's own
// clock and noise.
package vm
