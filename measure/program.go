package measure

import (
	"context"
	"fmt"
	"sync"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
)

// Programming is what was observed around one full sync from empty.
type Programming struct {
	Elapsed   int64 // from the call of Sync to its return, in nanoseconds of the clock
	Idle      int64 // the part of Elapsed in which the machine did nothing; virtual clock only
	CPU       cpuTimes
	Kernel    kernelMemory         // that came with it
	Noise     int64                // bytes by which kernel memory changed before it, by itself
	ToolsPeak int64                // bytes; the largest resident set among the programs that it started, 0 for unknown
	Programs  int64                // nanoseconds of processor time of the programs that run for the backend, and of what they started
	Resident  int64                // bytes; of the programs that run for the backend, after it
	Reported  *backends.SelfReport // what they say of it, nil when nobody asks or they do not
}

// Watched is a Backend whose work another program does: when that says that it is
// done, its work has ended, and not only when the Backend has made sure of it.
type Watched interface {
	// OnComplete has fn called when the program says so, from another goroutine.
	// The last call before Sync or Apply return is that of their own work.
	OnComplete(fn func())
}

// Running is a Backend with programs that go on running: their processor time and
// memory are the dataplane's, too.
type Running interface {
	Processes() []int // by their process's number
	Alive() error     // why one of them has ended, nil while they run
}

// Alive says whether all programs run that must. Rules outlive the program that made
// them: packets do not tell.
func (c *Cell) Alive() error {
	if r, ok := c.Backend.(Running); ok {
		return r.Alive()
	}
	return nil
}

// Program syncs the cell's state from empty, once, under every meter at the
// same time: a second sync for another meter would not start from empty. What a
// backend does beforehand (backends.Preparer) is in no figure.
func (c *Cell) Program(ctx context.Context) error {
	if err := c.prepare(ctx); err != nil {
		return err
	}
	said, err := c.selfReport(ctx)
	if err != nil {
		return err
	}
	programs, err := c.programTime()
	if err != nil {
		return err
	}
	settle()
	control, err := readKernelMemory()
	if err != nil {
		return err
	}
	settle()
	empty, err := c.readMeters()
	if err != nil {
		return err
	}
	before, after, err := c.around(func() error { return c.Backend.Sync(ctx, c.State) })
	if err != nil {
		return fmt.Errorf("full sync: %w", err)
	}
	peak, err := c.toolsPeak()
	if err != nil {
		return err
	}
	settle() // what the sync freed is returned by RCU callbacks
	rest, err := c.readMeters()
	if err != nil {
		return err
	}
	resident, err := c.resident()
	if err != nil {
		return err
	}
	programsAfter, err := c.programTime()
	if err != nil {
		return err
	}
	if said != nil {
		now, err := c.selfReport(ctx)
		if err != nil {
			return err
		}
		*said = now.Since(*said)
	}
	c.programmed = Programming{
		Elapsed: after.clock - before.clock, Idle: after.idle - before.idle,
		CPU: cpuTimes{
			user: after.user - before.user, system: after.system - before.system,
			softirq: rest.softirq - empty.softirq,
		},
		Kernel: rest.memory.since(empty.memory), Noise: empty.memory.since(control).total(), ToolsPeak: peak,
		Programs: programsAfter - programs, Resident: resident, Reported: said,
	}
	return nil
}

// prepare gets the backend ready for its first sync.
func (c *Cell) prepare(ctx context.Context) error {
	c.serveJudge()
	if p, ok := c.Backend.(backends.Preparer); ok {
		if err := p.Prepare(ctx, c.State); err != nil {
			return fmt.Errorf("getting ready for the full sync: %w", err)
		}
	}
	return nil
}

// around reads the meters that always run before and after a call.
func (c *Cell) around(call func() error) (before, after meters, err error) {
	var mu sync.Mutex
	var done *meters
	var doneErr error
	if w, ok := c.Backend.(Watched); ok {
		w.OnComplete(func() {
			var m meters
			err := m.stop(c)
			mu.Lock()
			defer mu.Unlock()
			done, doneErr = &m, err
		})
		defer w.OnComplete(nil)
	}
	if err := before.start(c); err != nil {
		return before, after, err
	}
	err = call()
	if clockErr := after.stop(c); err == nil {
		err = clockErr
	}
	mu.Lock()
	defer mu.Unlock()
	if err == nil && done != nil {
		after, err = *done, doneErr
	}
	return before, after, err
}

// meters are the readings around a sync.
type meters struct {
	memory  kernelMemory // like softirq from large files of the kernel, read far from the sync
	softirq int64

	idle, user, system, clock int64 // read close to it, the clock closest
}

func (c *Cell) readMeters() (m meters, err error) {
	if m.memory, err = readKernelMemory(); err != nil {
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
	m.user, m.system, err = c.usage()
	m.clock = lab.Now()
	return err
}

// stop reads them in the opposite order, so that none is in another's figure
// that need not be.
func (m *meters) stop(c *Cell) (err error) {
	m.clock = lab.Now()
	if m.user, m.system, err = c.usage(); err != nil {
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
// started and has ended, or that runs for the backend; the endpoint hosts' servers
// still run and so are not among them. A child begins as a copy of this process,
// whose size the kernel takes for its peak (setmax_mm_hiwater_rss in exec), so a
// peak that is no larger than our own is not known: 0.
func (c *Cell) toolsPeak() (int64, error) {
	var children, self unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &children); err != nil {
		return 0, fmt.Errorf("reading the children's resource usage: %w", err)
	}
	if err := unix.Getrusage(unix.RUSAGE_SELF, &self); err != nil {
		return 0, fmt.Errorf("reading resource usage: %w", err)
	}
	peak := int64(0)
	if children.Maxrss > self.Maxrss {
		peak = children.Maxrss << 10
	}
	for _, pid := range c.processes() {
		p, err := procfs.NewProc(pid)
		if err != nil {
			return 0, c.unread(pid, err)
		}
		status, err := p.NewStatus()
		if err != nil {
			return 0, c.unread(pid, err)
		}
		peak = max(peak, int64(status.VmHWM))
	}
	return peak, nil
}

// unread is why nothing can be read of a program that runs for the backend.
func (c *Cell) unread(pid int, err error) error {
	if ended := c.Alive(); ended != nil {
		return ended
	}
	return fmt.Errorf("reading what process %d took: %w", pid, err)
}

// processes are the programs that run for the backend.
func (c *Cell) processes() []int {
	if r, ok := c.Backend.(Running); ok {
		return r.Processes()
	}
	return nil
}
