package measure

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab"
)

// Programming is what was observed around one full sync from empty.
type Programming struct {
	Elapsed   int64 // from the call of Sync to its return, in nanoseconds of the clock
	Idle      int64 // the part of Elapsed in which the machine did nothing; virtual clock only
	CPU       cpuTimes
	Kernel    int64 // bytes of kernel memory that came with it
	ToolsPeak int64 // bytes; the largest resident set among the programs that it started, 0 for unknown
}

// Program syncs the cell's state from empty, once, under every meter at the
// same time: a second sync for another meter would not start from empty.
func (c *Cell) Program(ctx context.Context) error {
	settle()
	before, err := c.readMeters()
	if err != nil {
		return err
	}
	if err := before.start(c); err != nil {
		return err
	}
	err = c.Backend.Sync(ctx, c.State)
	var after meters
	if clockErr := after.stop(c); err == nil {
		err = clockErr
	}
	if err != nil {
		return fmt.Errorf("full sync: %w", err)
	}
	peak, err := toolsPeak()
	if err != nil {
		return err
	}
	settle() // what the sync freed is returned by RCU callbacks
	rest, err := c.readMeters()
	if err != nil {
		return err
	}
	c.programmed = Programming{
		Elapsed: after.clock - before.clock, Idle: after.idle - before.idle,
		CPU: cpuTimes{
			user: after.user - before.user, system: after.system - before.system,
			softirq: rest.softirq - before.softirq,
		},
		Kernel: rest.memory - before.memory, ToolsPeak: peak,
	}
	return nil
}

// meters are the readings around a sync.
type meters struct {
	memory, softirq int64 // large files of the kernel, read far from the sync

	idle, user, system, clock int64 // read close to it, the clock closest
}

func (c *Cell) readMeters() (m meters, err error) {
	if m.memory, err = kernelMemory(); err != nil {
		return m, err
	}
	m.softirq, err = readSoftirq()
	return m, err
}

// start reads the meters that always run, the clock last.
func (m *meters) start(c *Cell) (err error) {
	if m.idle, err = c.idle(); err != nil {
		return err
	}
	m.user, m.system, err = readUsage()
	m.clock = lab.Now()
	return err
}

// stop reads them in the opposite order, so that none is in another's figure
// that need not be.
func (m *meters) stop(c *Cell) (err error) {
	m.clock = lab.Now()
	if m.user, m.system, err = readUsage(); err != nil {
		return err
	}
	m.idle, err = c.idle()
	return err
}

// idle is the machine's idle time. In the wall clock the machine is not ours,
// and nobody's waiting can be told from it.
func (c *Cell) idle() (int64, error) {
	if c.Clock != lab.Virtual {
		return 0, nil
	}
	return lab.Idle()
}

// toolsPeak is the largest resident set in bytes of any program that was
// started and has ended; the endpoint hosts' servers still run and so are not
// among them. A child begins as a copy of this process, whose size the kernel
// takes for its peak (setmax_mm_hiwater_rss in exec), so a peak that is no
// larger than our own is not known: 0.
func toolsPeak() (int64, error) {
	var children, self unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &children); err != nil {
		return 0, fmt.Errorf("reading the children's resource usage: %w", err)
	}
	if err := unix.Getrusage(unix.RUSAGE_SELF, &self); err != nil {
		return 0, fmt.Errorf("reading resource usage: %w", err)
	}
	if children.Maxrss <= self.Maxrss {
		return 0, nil
	}
	return children.Maxrss << 10, nil
}
