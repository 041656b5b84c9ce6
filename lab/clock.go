package lab

import "golang.org/x/sys/unix"

// Clock names what a lab's CLOCK_MONOTONIC counts.
type Clock string

// The clocks.
const (
	// Wall counts nanoseconds of real time.
	Wall Clock = "wall"
	// Virtual counts the instructions that the guest executes, exactly, and
	// jumps over idle time to the next timer: QEMU with -icount shift=0.
	Virtual Clock = "virtual"
)

// TimeUnit is the unit of a difference of two Now values.
func (c Clock) TimeUnit() string {
	if c == Virtual {
		return "insns"
	}
	return "ns"
}

// Now is the clock's reading. Both labs read the same kernel clock: in the
// virtual clock one nanosecond of it is one instruction.
func Now() int64 {
	var ts unix.Timespec
	// CLOCK_MONOTONIC with a valid pointer cannot fail.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}
