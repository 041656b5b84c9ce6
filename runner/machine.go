package runner

import (
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// machine is a reading of what may disturb a run, from /proc and /sys: read, never
// written. What a machine does not tell is left out.
type machine struct {
	results.Machine
	total, idle, stolen, throttles float64
}

// readMachine reads below root.
func readMachine(root fs.FS) machine {
	var m machine
	read := func(name string) string {
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return "" // this machine does not tell
		}
		return strings.TrimSpace(string(data))
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return 0
		}
		return v
	}
	// proc_stat(5): user nice system idle iowait irq softirq steal, in ticks; guest
	// times are part of user's.
	line, _, _ := strings.Cut(read("proc/stat"), "\n")
	for i, f := range strings.Fields(line) {
		switch v := number(f); {
		case i == 0 || i > 8:
		default:
			m.total += v
			if i == 4 || i == 5 {
				m.idle += v
			}
			if i == 8 {
				m.stolen = v
			}
		}
	}
	if load := strings.Fields(read("proc/loadavg")); len(load) > 0 {
		m.Load = number(load[0])
	}
	m.CPUs = inList(read("sys/devices/system/cpu/online"))
	m.Nodes = inList(read("sys/devices/system/node/online"))
	for l := range strings.Lines(read("proc/self/status")) {
		if list, ok := strings.CutPrefix(l, "Cpus_allowed_list:"); ok {
			m.Affinity = inList(strings.TrimSpace(list))
		}
	}
	var governors []string
	cpus, _ := fs.Glob(root, "sys/devices/system/cpu/cpu[0-9]*") // fails for a bad pattern alone
	for _, cpu := range cpus {
		if g := read(path.Join(cpu, "cpufreq/scaling_governor")); g != "" && !slices.Contains(governors, g) {
			governors = append(governors, g)
		}
		m.throttles += number(read(path.Join(cpu, "thermal_throttle/core_throttle_count")))
	}
	m.Governor = strings.Join(governors, ",")
	return m
}

// inList is how many there are in a list of the kernel's: "0-3,8".
func inList(list string) int {
	n := 0
	for _, part := range strings.Split(list, ",") {
		from, to, ranged := strings.Cut(part, "-")
		a, err := strconv.Atoi(from)
		if err != nil {
			continue
		}
		b := a
		if ranged {
			if b, err = strconv.Atoi(to); err != nil {
				continue
			}
		}
		n += max(0, b-a+1)
	}
	return n
}

// What is worth a warning: less is lost in the noise of any figure.
const (
	mostSteal = 0.01
	mostLoad  = 0.5 // runnable tasks a CPU, before the run
)

// until is what happened between two readings, with warnings.
func (m machine) until(after machine) results.Machine {
	r := m.Machine
	if d := after.total - m.total; d > 0 {
		r.Steal = math.Max(0, after.stolen-m.stolen) / d
		r.Busy = 1 - math.Max(0, after.idle-m.idle)/d
	}
	r.Throttled = int64(math.Max(0, after.throttles-m.throttles))
	warn := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	if r.Steal > mostSteal {
		warn("a hypervisor took %.1f %% of the processors' time", 100*r.Steal)
	}
	if r.CPUs > 0 && r.Load > mostLoad*float64(r.CPUs) {
		warn("the machine was busy before the run: a load of %.1f on %d CPUs", r.Load, r.CPUs)
	}
	if r.Throttled > 0 {
		warn("CPUs were throttled %d times for their heat", r.Throttled)
	}
	if r.Governor != "" && r.Governor != "performance" {
		warn("the CPUs' frequency is governed by %s, not performance", r.Governor)
	}
	if after.Governor != m.Governor {
		warn("the governor of the CPUs' frequency changed during the run, to %q", after.Governor)
	}
	if r.Nodes > 1 && r.Affinity == r.CPUs {
		warn("memory is in %d nodes and svcmark was pinned to none: see numactl(8)", r.Nodes)
	}
	return r
}
