package measure

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab"
)

// Programming is what was observed around one full sync from empty.
type Programming struct {
	Elapsed   int64 // in the clock's unit, from the call of Sync to its return
	CPU       cpuTimes
	Kernel    int64 // bytes of kernel memory that came with it
	ToolsPeak int64 // bytes; the largest resident set among the programs that it started, 0 for none
}

// Program syncs the cell's state from empty, once, under every meter at the
// same time: a second sync for another meter would not start from empty.
func (c *Cell) Program(ctx context.Context) error {
	settle()
	memory, err := kernelMemory()
	if err != nil {
		return err
	}
	cpu, err := readCPU()
	if err != nil {
		return err
	}
	begin := lab.Now()
	err = c.Backend.Sync(ctx, c.State)
	elapsed := lab.Now() - begin
	if err != nil {
		return fmt.Errorf("full sync: %w", err)
	}
	cpuAfter, err := readCPU()
	if err != nil {
		return err
	}
	peak, err := toolsPeak()
	if err != nil {
		return err
	}
	settle() // what the sync freed is returned by RCU callbacks
	memoryAfter, err := kernelMemory()
	if err != nil {
		return err
	}
	c.programmed = Programming{
		Elapsed: elapsed, CPU: cpuAfter.minus(cpu),
		Kernel: memoryAfter - memory, ToolsPeak: peak,
	}
	return nil
}

// toolsPeak is the largest resident set in bytes of any child that has ended.
// The endpoint hosts' servers still run and so are not among them.
func toolsPeak() (int64, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &u); err != nil {
		return 0, fmt.Errorf("reading the children's resource usage: %w", err)
	}
	return u.Maxrss << 10, nil
}
