package probe

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// ticker tells when questions are due: at an interval from its start, whatever those
// who ask are doing.
type ticker struct {
	fd     int // readable when one is due
	now    func() int64
	start  int64
	period int64
	given  int64 // how many
}

func newTicker(now func() int64, interval time.Duration) (t ticker, err error) {
	t = ticker{fd: -1, now: now, period: int64(max(interval, time.Microsecond))} // 0 would switch the timer off
	if t.fd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return t, err
	}
	every := unix.NsecToTimespec(t.period)
	t.start = now()
	return t, unix.TimerfdSettime(t.fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil)
}

// read makes the timer wait for the next time.
func (t *ticker) read() error {
	var b [8]byte
	if _, err := unix.Read(t.fd, b[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
		return err
	}
	return nil
}

// next is the next time that has come and was not given yet.
func (t *ticker) next() (due int64, ok bool) {
	due = t.start + (t.given+1)*t.period
	if due > t.now() {
		return 0, false
	}
	t.given++
	return due, true
}

func (t *ticker) close() {
	if t.fd >= 0 {
		_ = unix.Close(t.fd) // nothing is written to it
	}
}
