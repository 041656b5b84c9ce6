package runner

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func tree(stat, load, governor, throttled string) fstest.MapFS {
	files := map[string]string{
		"proc/stat":                      stat,
		"proc/loadavg":                   load,
		"proc/self/status":               "Name:\tsvcmark\nCpus_allowed_list:\t0,2-3\n",
		"sys/devices/system/cpu/online":  "0-3\n",
		"sys/devices/system/node/online": "0-1\n",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor":             governor,
		"sys/devices/system/cpu/cpu1/cpufreq/scaling_governor":             governor,
		"sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": throttled,
	}
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestMachineSaysWhatDisturbs(t *testing.T) {
	before := readMachine(tree("cpu  100 0 50 800 10 5 5 30 7 7\ncpu0 1 1 1 1\n", "3.10 1.0 1.0 2/99 7\n", "powersave\n", "4\n"))
	after := readMachine(tree("cpu  200 0 100 1500 10 5 5 180 7 7\n", "9.0 1 1 1/1 1\n", "powersave\n", "9\n"))
	m := before.until(after)
	if m.CPUs != 4 || m.Affinity != 3 || m.Nodes != 2 || m.Governor != "powersave" || m.Load != 3.1 || m.Throttled != 5 {
		t.Errorf("got %+v", m)
	}
	if m.Steal != 0.15 || math.Abs(m.Busy-0.3) > 1e-9 { // of 1000 ticks 150 stolen and 700 idle
		t.Errorf("steal %v, busy %v", m.Steal, m.Busy)
	}
	for _, want := range []string{"a hypervisor took 15.0 %", "a load of 3.1 on 4 CPUs", "throttled 5 times", "governed by powersave"} {
		if !slices.ContainsFunc(m.Warnings, func(w string) bool { return strings.Contains(w, want) }) {
			t.Errorf("no warning %q in %q", want, m.Warnings)
		}
	}
	if len(m.Warnings) != 4 {
		t.Errorf("warnings: %q", m.Warnings)
	}
}

func TestMachineThatIsQuietOrTellsNothing(t *testing.T) {
	quiet := readMachine(tree("cpu  1 0 1 100 0 0 0 0\n", "0.10 0 0 1/1 1\n", "performance\n", "4\n"))
	if m := quiet.until(quiet); m.Warnings != nil {
		t.Errorf("quiet: %q", m.Warnings)
	}
	if m := readMachine(fstest.MapFS{}).until(machine{}); m.Warnings != nil || m.Steal != 0 {
		t.Errorf("silent: %+v", m)
	}
}
