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

// objectCounter is what a backend must have for Objects. The keys are of
// objectKinds.
type objectCounter interface {
	Objects(ctx context.Context) (map[string]int, error)
}

// objectKinds are the kinds of kernel objects that backends make, each a unit.
func objectKinds() []string {
	return []string{
		"rules", "chains", // of iptables and nf_tables
		"virtual-servers", "real-servers", // of IPVS
		"set-entries",                  // of ipset
		"addresses",                    // bound for VIPs
		"map-elements", "set-elements", // of nf_tables
		"listening-sockets", // of a proxy
	}
}

// Units implements Measurement. More or fewer objects is neither good nor bad.
func (Objects) Units(lab.Clock) []results.Unit {
	var units []results.Unit
	for _, kind := range objectKinds() {
		units = append(units, results.Unit{Name: kind, Better: results.Neither, Exact: true})
	}
	return units
}

// Measure implements Measurement.
func (Objects) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	counts, err := c.objects(ctx)
	if err != nil {
		return err
	}
	if counts == nil {
		return fmt.Errorf("%w: this backend makes no kernel objects", ErrNotApplicable)
	}
	r := c.result("Objects", 1)
	for _, unit := range slices.Sorted(maps.Keys(counts)) {
		if !slices.Contains(objectKinds(), unit) {
			return fmt.Errorf("the backend counts %q, which is no known kind of kernel object", unit)
		}
		r.Samples = append(r.Samples, results.Sample{Value: float64(counts[unit]), Unit: unit})
	}
	record(r)
	return nil
}

// objects are the backend's kernel objects by their kind, nil when it makes none.
func (c *Cell) objects(ctx context.Context) (map[string]int, error) {
	counter, ok := c.Backend.(objectCounter)
	if !ok {
		return nil, nil
	}
	counts, err := counter.Objects(ctx)
	if err != nil {
		return nil, fmt.Errorf("counting kernel objects: %w", err)
	}
	return counts, nil
}

// sum is how many objects there are of all kinds.
func sum(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}
