package measure

import (
	"context"
	"fmt"
	"os"

	"github.com/prometheus/procfs"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
)

// Reporter is a Backend whose program keeps figures of itself.
type Reporter interface {
	// Report is what the program says of itself by now.
	Report(ctx context.Context) (backends.SelfReport, error)
}

// Reported is what a program says of its first sync, and beside each figure what was
// seen of the same from outside: its syncs' duration, and the time from when it could
// have its Services to the end of the last sync; its processor time, to
// which what was seen adds that of the tools that it started; its resident memory; the rules that it says it has, and those that the kernel has. All
// times are those that passed, also in the virtual clock: that is what a program can
// tell.
type Reported struct{}

var _ Measurement = Reported{}

// reportedUnits are in pairs: what the program says, and what was seen.
func reportedUnits() [][2]string {
	return [][2]string{
		{"reported-sync-ns", "seen-sync-ns"}, {"reported-cpu-ns", "seen-cpu-ns"},
		{"reported-resident-B", "seen-resident-B"}, {"reported-rules", "seen-rules"},
	}
}

// Units implements Measurement. Both of a pair tell of one thing, and neither is
// better.
func (Reported) Units(clock lab.Clock) []results.Unit {
	units := []results.Unit{{Name: "reported-syncs", Better: results.Neither, Exact: clock == lab.Virtual}}
	for _, pair := range reportedUnits() {
		for _, name := range pair {
			units = append(units, results.Unit{Name: name, Better: results.Neither, Exact: clock == lab.Virtual})
		}
	}
	return units
}

// Measure implements Measurement.
func (Reported) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	p := &c.programmed
	if p.Reported == nil {
		return fmt.Errorf("%w: nothing is known that this backend's program says of itself", ErrNotApplicable)
	}
	seen := []float64{float64(p.Elapsed), float64(p.Programs), float64(p.Resident), 0}
	counts, err := c.objects(ctx)
	if err != nil {
		return err
	}
	seen[3] = float64(counts["rules"])
	said := []float64{p.Reported.Syncing * 1e9, p.Reported.CPU * 1e9, float64(p.Reported.Resident), float64(p.Reported.Rules)}
	r := c.result("Reported", 1)
	r.Samples = []results.Sample{{Value: float64(p.Reported.Syncs), Unit: "reported-syncs"}}
	for i, pair := range reportedUnits() {
		if said[i] == 0 { // it does not say
			continue
		}
		r.Samples = append(r.Samples, results.Sample{Value: said[i], Unit: pair[0]}, results.Sample{Value: seen[i], Unit: pair[1]})
	}
	record(r)
	return nil
}

// selfReport asks a Reporter; of others it is nil.
func (c *Cell) selfReport(ctx context.Context) (*backends.SelfReport, error) {
	r, ok := c.Backend.(Reporter)
	if !ok {
		return nil, nil
	}
	s, err := r.Report(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking the program what it says of itself: %w", err)
	}
	return &s, nil
}

// resident is the memory in bytes that the backend's programs have now.
func (c *Cell) resident() (int64, error) {
	total := 0
	for _, pid := range c.processes() {
		p, err := procfs.NewProc(pid)
		if err != nil {
			return 0, c.unread(pid, err)
		}
		stat, err := p.Stat()
		if err != nil {
			return 0, c.unread(pid, err)
		}
		total += stat.RSS
	}
	return int64(total * os.Getpagesize()), nil
}
