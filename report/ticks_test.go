package report

import (
	"slices"
	"testing"

	"gonum.org/v1/plot"
)

func labels(ticks []plot.Tick) []string {
	var ls []string
	for _, t := range ticks {
		if t.Label != "" {
			ls = append(ls, t.Label)
		}
	}
	return ls
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		ticker plot.Ticker
		lo, hi float64
		want   []string
	}{
		{linearTicks{si, "", 6}, -100, 5100, []string{"0", "1k", "2k", "3k", "4k", "5k"}},
		{linearTicks{si, "", 8}, 0, 373000, []string{"0", "50k", "100k", "150k", "200k", "250k", "300k", "350k"}},
		{linearTicks{seconds, "s", 5}, 0, 3e-4, []string{"0", "100µs", "200µs", "300µs"}},
		{linearTicks{iec, "B", 5}, 0, 5 << 20, []string{"0", "1MiB", "2MiB", "3MiB", "4MiB", "5MiB"}},
		{linearTicks{si, "", 5}, 0, 0, []string{"0"}},
		{logTicks{si, ""}, 3e6, 1.2e9, []string{"10M", "100M", "1G"}},
		{logTicks{si, ""}, 30e3, 1e6, []string{"50k", "100k", "200k", "500k", "1M"}},
		{logTicks{iec, "B"}, 40 << 10, 40 << 20, []string{"64KiB", "256KiB", "1MiB", "4MiB", "16MiB"}},
		{sizeTicks{10, 100, 1000, 1001, 5000}, 8, 6250, []string{"10", "100", "1k", "5k"}},
	} {
		if got := labels(tt.ticker.Ticks(tt.lo, tt.hi)); !slices.Equal(got, tt.want) {
			t.Errorf("%v to %v: got %q, want %q", tt.lo, tt.hi, got, tt.want)
		}
	}
}
