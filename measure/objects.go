package measure

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/results"
)

// Objects is how many kernel objects of each kind serve the state, read back
// from the kernel: rules and chains, virtual servers, set entries.
type Objects struct{}

var _ Measurement = Objects{}

// objectCounter is what a backend must have for Objects; the keys are units:
// "rules", "virtual-servers".
type objectCounter interface {
	Objects(ctx context.Context) (map[string]int, error)
}

// Units implements Measurement. Which kinds there are is the backends' to say,
// and a number of objects is neither good nor bad: no unit is declared.
func (Objects) Units(lab.Clock) []results.Unit { return nil }

// Measure implements Measurement.
func (Objects) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	counter, ok := c.Backend.(objectCounter)
	if !ok {
		return fmt.Errorf("%w: this backend makes no kernel objects", ErrNotApplicable)
	}
	counts, err := counter.Objects(ctx)
	if err != nil {
		return fmt.Errorf("counting kernel objects: %w", err)
	}
	r := c.result("Objects", 1)
	for _, unit := range slices.Sorted(maps.Keys(counts)) {
		r.Samples = append(r.Samples, results.Sample{Value: float64(counts[unit]), Unit: unit})
	}
	record(r)
	return nil
}
