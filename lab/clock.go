package lab

import "time"

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

// start anchors Now. time.Since of a time with a monotonic reading is one vDSO
// call and nothing else: no system call, no wall clock.
var start = time.Now()

// Now is the clock's reading. Both labs read the same kernel clock
// (CLOCK_MONOTONIC): in the virtual clock one nanosecond of it is one
// instruction. Only differences mean something.
func Now() int64 { return int64(time.Since(start)) }
