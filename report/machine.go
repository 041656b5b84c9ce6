package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// machineLines say what the run's machine shows where nothing differs, and what
// disturbed it: nothing for the virtual clock and old runs.
func machineLines(run *results.Run) []string {
	var lines []string
	for _, c := range run.Meta.Calibrations {
		if c.Skipped != "" {
			lines = append(lines, "Noise floor: unknown, "+c.Skipped+".")
			continue
		}
		var floors, warm []string
		for _, f := range c.Floors {
			if primaryUnit(run, f.Measurement) == f.Unit {
				floors = append(floors, fmt.Sprintf("%s %.1f %%", lower(words(f.Measurement)), 100*f.Share))
			}
		}
		for _, f := range c.WarmUp {
			if primaryUnit(run, f.Measurement) == f.Unit {
				warm = append(warm, fmt.Sprintf("%s %.1f %%", lower(words(f.Measurement)), 100*f.Share))
			}
		}
		lines = append(lines, fmt.Sprintf("Noise floor (%d runs of %s, 99 %%): %s. The warm-up was off by: %s.",
			c.Runs, strings.TrimSuffix(string(c.Cell), "/repeat=0"), strings.Join(floors, ", "), strings.Join(warm, ", ")))
	}
	for _, m := range run.Meta.Machines {
		for _, w := range m.Warnings {
			lines = append(lines, "Warning: "+w+".")
		}
	}
	return lines
}

// primaryUnit is the first unit of a measurement, "" when the run has none of it.
func primaryUnit(run *results.Run, measurement string) string {
	i := slices.IndexFunc(run.Results, func(r results.Result) bool { return r.Measurement == measurement })
	if i < 0 {
		return ""
	}
	return run.Results[i].Samples[0].Unit
}

// disturbed tells whether something may have moved figures.
func (r *Report) disturbed() bool {
	return slices.ContainsFunc(r.Runs, func(run *results.Run) bool {
		return slices.ContainsFunc(run.Meta.Machines, func(m results.Machine) bool { return len(m.Warnings) > 0 })
	})
}
