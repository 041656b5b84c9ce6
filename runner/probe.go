package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/scenarios"
)

// Known are the registry's names, as scenarios are checked against them.
func (r Registry) Known() scenarios.Known {
	return scenarios.Known{
		Backends:     slices.Sorted(maps.Keys(r.Backends)),
		Measurements: slices.Sorted(maps.Keys(r.Measurements)),
	}
}

// Probe asks each backend, some of which a scenario may define, inside the lab,
// whether it can run there. The map has an entry for every backend; nil means that it
// can. The error is the lab's own.
func (r Registry) Probe(ctx context.Context, l lab.Lab, names []string, defined []scenarios.Program) (map[string]*Missing, error) {
	input, err := json.Marshal(job{Probe: names, Programs: defined})
	if err != nil {
		return nil, err
	}
	found := map[string]*Missing{}
	var bad error
	err = l.Run(ctx, lab.Job{Args: r.args(), Input: input}, func(line []byte) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			bad = fmt.Errorf("the worker printed %q, which is no event: %w", line, err)
		} else if e.Probed != nil {
			found[e.Probed.Backend] = e.Probed.Missing
		}
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, err
	}
	for _, n := range names {
		if _, ok := found[n]; !ok {
			return nil, fmt.Errorf("the worker said nothing of backend %s", n)
		}
	}
	return found, nil
}
