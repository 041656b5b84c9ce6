package measure

import (
	"context"
	"fmt"

	"github.com/prometheus/procfs"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
)

// Memory is what a full sync leaves in the kernel after freed memory had time to return:
// kernel, and its parts slab (rules, virtual servers, set entries), vmalloc (eBPF maps, hash
// tables, stacks of threads, tables of iptables for which no pages lay together) and percpu
// (counters). noise is
// by how much the same reading, taken twice in the same way with nothing in between right
// before the sync, differed: no figure that is not well above it means anything. On a
// machine that does other things the kernel's part moves with them: it is a whole
// machine's figure.
//
// tools-peak is the largest resident set among the programs that the sync
// started, where it is larger than the worker's own and so can be told; resident is what
// the programs that run for the backend have after it.
type Memory struct{}

var _ Measurement = Memory{}

// Units implements Measurement.
func (Memory) Units(clock lab.Clock) []results.Unit {
	var units []results.Unit
	for _, name := range []string{"kernel-B", "slab-B", "vmalloc-B", "percpu-B", "noise-B", "tools-peak-B", "resident-B"} {
		units = append(units, results.Unit{Name: name, Better: results.Lower, Exact: clock == lab.Virtual})
	}
	return units
}

// Measure implements Measurement.
func (Memory) Measure(_ context.Context, c *Cell, record func(results.Result)) error {
	r := c.result("Memory", 1)
	p := &c.programmed
	r.Samples = []results.Sample{
		{Value: float64(p.Kernel.total()), Unit: "kernel-B"},
		{Value: float64(p.Kernel.slab), Unit: "slab-B"},
		{Value: float64(p.Kernel.vmalloc), Unit: "vmalloc-B"},
		{Value: float64(p.Kernel.percpu), Unit: "percpu-B"},
		{Value: float64(max(p.Noise, -p.Noise)), Unit: "noise-B"},
	}
	if p.ToolsPeak > 0 {
		r.Samples = append(r.Samples, results.Sample{Value: float64(p.ToolsPeak), Unit: "tools-peak-B"})
	}
	if p.Resident > 0 {
		r.Samples = append(r.Samples, results.Sample{Value: float64(p.Resident), Unit: "resident-B"})
	}
	record(r)
	return nil
}

// kernelMemory is the memory in bytes in which the kernel keeps rules, virtual
// servers, sets and their hash tables.
type kernelMemory struct{ slab, vmalloc, percpu int64 }

func (m kernelMemory) total() int64 { return m.slab + m.vmalloc + m.percpu }

func (m kernelMemory) since(before kernelMemory) kernelMemory {
	return kernelMemory{m.slab - before.slab, m.vmalloc - before.vmalloc, m.percpu - before.percpu}
}

func readKernelMemory() (m kernelMemory, err error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return m, err
	}
	info, err := fs.Meminfo()
	if err != nil {
		return m, fmt.Errorf("reading the kernel's memory: %w", err)
	}
	for _, part := range []struct {
		of   *int64
		read *uint64 // nil where the kernel does not tell
	}{{&m.slab, info.SlabBytes}, {&m.vmalloc, info.VmallocUsedBytes}, {&m.percpu, info.PercpuBytes}} {
		if part.read != nil {
			*part.of = int64(*part.read)
		}
	}
	return m, nil
}
