package measure

import (
	"context"
	"fmt"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
)

// CPU is the processor time of one full sync, children included, apart by
// user and system; and the machine's softirq time meanwhile, which the kernel
// often charges to nobody. The sum of user and system is as precise as the
// scheduler's clock; how it divides between the two is sampled by the kernel
// at its tick, and softirq is kept in hundredths of a second. A program that
// goes on running is part of it, and kept in those as well.
type CPU struct{}

var _ Measurement = CPU{}

// Units implements Measurement.
func (CPU) Units(clock lab.Clock) []results.Unit {
	return []results.Unit{timeUnit(clock, ""), timeUnit(clock, "user-"), timeUnit(clock, "system-"), timeUnit(clock, "softirq-")}
}

// Measure implements Measurement.
func (CPU) Measure(_ context.Context, c *Cell, record func(results.Result)) error {
	r := c.result("CPU", 1)
	t := c.programmed.CPU
	for _, s := range []struct {
		prefix string
		value  int64
	}{{"", t.user + t.system}, {"user-", t.user}, {"system-", t.system}, {"softirq-", t.softirq}} {
		r.Samples = append(r.Samples, results.Sample{Value: float64(s.value), Unit: timeUnit(c.Clock, s.prefix).Name})
	}
	record(r)
	return nil
}

// cpuTimes are in the clock's unit.
type cpuTimes struct{ user, system, softirq int64 }

// usage reads this process's and its ended children's time, and that of the programs
// that run for the backend, in hundredths of a second.
func (c *Cell) usage() (user, system int64, err error) {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if err := unix.Getrusage(who, &u); err != nil {
			return 0, 0, fmt.Errorf("reading resource usage: %w", err)
		}
		user += u.Utime.Nano()
		system += u.Stime.Nano()
	}
	u, s, err := c.programTimes()
	return user + u, system + s, err
}

// programTime is that of the programs that run for the backend alone.
func (c *Cell) programTime() (int64, error) {
	user, system, err := c.programTimes()
	return user + system, err
}

func (c *Cell) programTimes() (user, system int64, err error) {
	const tick = 1e9 / 100 // USER_HZ
	for _, pid := range c.processes() {
		p, err := procfs.NewProc(pid)
		if err != nil {
			return 0, 0, c.unread(pid, err)
		}
		stat, err := p.Stat()
		if err != nil {
			return 0, 0, c.unread(pid, err)
		}
		user += int64(stat.UTime)*tick + int64(stat.CUTime)*tick
		system += int64(stat.STime)*tick + int64(stat.CSTime)*tick
	}
	return user, system, nil
}

// readSoftirq reads the machine's softirq time.
func readSoftirq() (int64, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, err
	}
	stat, err := fs.Stat()
	if err != nil {
		return 0, fmt.Errorf("reading the machine's CPU times: %w", err)
	}
	return int64(stat.CPUTotal.SoftIRQ * 1e9), nil
}
