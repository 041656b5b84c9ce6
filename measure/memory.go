package measure

import (
	"context"
	"fmt"

	"github.com/prometheus/procfs"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
)

// Memory is what a full sync leaves in the kernel (slab, vmalloc and per-CPU
// memory, after freed memory had time to return) and the largest resident set
// among the programs that it started, where it is larger than the worker's own
// and so can be told. On a machine that does other things the
// kernel's part moves with them: it is a whole machine's figure.
type Memory struct{}

var _ Measurement = Memory{}

// Units implements Measurement.
func (Memory) Units(clock lab.Clock) []results.Unit {
	return []results.Unit{
		{Name: "kernel-B", Better: results.Lower, Exact: clock == lab.Virtual},
		{Name: "tools-peak-B", Better: results.Lower, Exact: clock == lab.Virtual},
	}
}

// Measure implements Measurement.
func (Memory) Measure(_ context.Context, c *Cell, record func(results.Result)) error {
	r := c.result("Memory", 1)
	r.Samples = []results.Sample{{Value: float64(c.programmed.Kernel), Unit: "kernel-B"}}
	if peak := c.programmed.ToolsPeak; peak > 0 {
		r.Samples = append(r.Samples, results.Sample{Value: float64(peak), Unit: "tools-peak-B"})
	}
	record(r)
	return nil
}

// kernelMemory is the memory in bytes in which the kernel keeps rules, virtual
// servers, sets and their hash tables.
func kernelMemory() (int64, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, err
	}
	m, err := fs.Meminfo()
	if err != nil {
		return 0, fmt.Errorf("reading the kernel's memory: %w", err)
	}
	var total uint64
	for _, part := range []*uint64{m.SlabBytes, m.VmallocUsedBytes, m.PercpuBytes} {
		if part != nil {
			total += *part
		}
	}
	return int64(total), nil
}
