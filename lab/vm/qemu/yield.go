package qemu

import (
	"context"

	"golang.org/x/sys/unix"
)

// yield has the virtual CPU's thread give way to QEMU's main thread whenever
// that has something to do: both are put on one processor, and the CPU's runs
// only while the other sleeps.
//
// The virtual clock is exact only so. The main loop moves the clock on to the
// next timer when it finds the CPU halted (icount_start_warp_timer in QEMU's
// softmmu/icount.c). A guest that goes idle programs its timer, which wakes the
// main loop, and halts some instructions later. Should the main loop look in
// the moment when the CPU is marked as halted but its thread has not yet
// accounted for what it executed, then the clock moves too far; and the same
// when a CPU stops the machine for a snapshot. On two processors this happened
// in about one of sixty cells of a busy host; on one, the main loop has looked
// and sleeps again before the CPU's thread goes on.
//
// The price is that a guest does not run beside ordinary programs on a
// processor that is busy with them, but after them. Where a sandbox forbids it
// the chance remains.
func (p *Process) yield(ctx context.Context, processor int) error {
	var cpus []struct {
		Thread int `json:"thread-id"`
	}
	if err := p.control.ask(ctx, "query-cpus-fast", &cpus); err != nil {
		return p.died(err)
	}
	var one unix.CPUSet
	one.Set(processor)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return nil // what follows will notice
	}
	_ = unix.SchedSetaffinity(p.cmd.Process.Pid, &one)
	for _, cpu := range cpus {
		_ = unix.SchedSetaffinity(cpu.Thread, &one)
		_ = unix.SchedSetAttr(cpu.Thread, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
		p.idle = append(p.idle, cpu.Thread)
	}
	return nil
}

// hurry takes back what yield did, before the process is killed: its threads free the
// guest's memory, and on a busy processor one that waits for everybody takes half a
// minute for that. Where only root may do it, any processor that is idle will serve.
func (p *Process) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	var all unix.CPUSet
	if len(p.idle) == 0 || unix.SchedGetaffinity(0, &all) != nil {
		return
	}
	for _, thread := range append(p.idle, p.cmd.Process.Pid) {
		_ = unix.SchedSetaffinity(thread, &all)
	}
	for _, thread := range p.idle {
		_ = unix.SchedSetAttr(thread, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
	}
}
