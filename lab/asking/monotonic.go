package asking

import "golang.org/x/sys/unix"

// Monotonic reads CLOCK_MONOTONIC in nanoseconds, the clock that lab.Now counts from
// the start of its process.
func Monotonic() int64 {
	var t unix.Timespec
	// It fails for a clock that does not exist only.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}
