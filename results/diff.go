package results

import (
	"maps"
	"slices"
	"strconv"
)

// Difference is one thing in which two fingerprints differ.
type Difference struct {
	Field string // as in run.json: "kernel", "tools.iptables"
	A, B  string // "" where one has none
}

// Diff says what differs between two fingerprints, in the order of their
// fields; nil when a figure of one is comparable with a figure of the other.
func Diff(a, b Fingerprint) []Difference {
	var ds []Difference
	add := func(field, a, b string) {
		if a != b {
			ds = append(ds, Difference{field, a, b})
		}
	}
	add("svcmark", a.Svcmark, b.Svcmark)
	add("binary", a.Binary, b.Binary)
	add("lab", a.Lab, b.Lab)
	add("clock", a.Clock, b.Clock)
	add("kernel", a.Kernel, b.Kernel)
	add("cpu", a.CPU, b.CPU)
	add("qemu", a.QEMU, b.QEMU)
	add("guest", a.Guest, b.Guest)
	tools := maps.Clone(a.Tools)
	if tools == nil {
		tools = map[string]string{}
	}
	maps.Copy(tools, b.Tools)
	for _, t := range slices.Sorted(maps.Keys(tools)) {
		add("tools."+t, a.Tools[t], b.Tools[t])
	}
	add("scenario", a.Scenario, b.Scenario)
	add("seed", strconv.FormatUint(a.Seed, 10), strconv.FormatUint(b.Seed, 10))
	return ds
}
