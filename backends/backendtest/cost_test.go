package backendtest_test

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab"
)

// inTurns runs a full sync and the bare tool by turns, each from an empty kernel,
// and reports what a sync takes, and how many times as much as the tool by the
// clock and in processor time.
func inTurns(b *testing.B, tool string, clean, bySync, byTool func()) {
	b.Helper()
	var sync, bare cost
	for b.Loop() {
		sync.add(b, bySync)
		clean()
		bare.add(b, byTool)
		clean()
	}
	b.ReportMetric(0, "ns/op") // it has the cleaning in it
	b.ReportMetric(float64(sync.clock)/float64(b.N), "sync-ns/op")
	b.ReportMetric(float64(sync.clock)/float64(bare.clock), "x-"+tool)
	b.ReportMetric(float64(sync.cpu)/float64(bare.cpu), "x-"+tool+"-cpu")
}

// cost sums what runs take by the lab's clock, and of the processor, children
// included.
type cost struct{ clock, cpu int64 }

func (c *cost) add(b *testing.B, run func()) {
	b.Helper()
	runtime.GC() // what the cleaning left is not the run's to collect
	cpu, clock := cpuTime(b), lab.Now()
	run()
	c.clock += lab.Now() - clock
	c.cpu += cpuTime(b) - cpu
}

func cpuTime(b *testing.B) (ns int64) {
	b.Helper()
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if err := unix.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		ns += u.Utime.Nano() + u.Stime.Nano()
	}
	return ns
}
