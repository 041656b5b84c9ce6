package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Idle is for how long the machine's CPUs have been idle since it booted, in
// nanoseconds of the kernel's timers, all CPUs together. In the virtual clock
// idle time passes like executed instructions and is none: what was executed
// is the difference of Now less the difference of Idle.
//
// The figure is the tick scheduler's own idle_sleeptime, exact to the
// nanosecond, from /proc/timer_list, which only root may read.
func Idle() (int64, error) {
	f, err := os.Open("/proc/timer_list")
	if err != nil {
		return 0, fmt.Errorf("reading the CPUs' idle time: %w", err)
	}
	defer f.Close()
	return parseIdle(f)
}

// parseIdle sums the lines ".idle_sleeptime : N nsecs" of /proc/timer_list,
// one a CPU.
func parseIdle(timerList io.Reader) (int64, error) {
	var total int64
	cpus := 0
	s := bufio.NewScanner(timerList)
	for s.Scan() {
		key, value, ok := strings.Cut(s.Text(), ":")
		if !ok || strings.TrimSpace(key) != ".idle_sleeptime" {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " nsecs"), 10, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("reading the CPUs' idle time: the kernel says %q", s.Text())
		}
		total += n
		cpus++
	}
	if err := s.Err(); err != nil {
		return 0, fmt.Errorf("reading the CPUs' idle time: %w", err)
	}
	if cpus == 0 {
		return 0, errors.New("reading the CPUs' idle time: this kernel does not tell it (CONFIG_NO_HZ_COMMON)")
	}
	return total, nil
}
