package report

import (
	"math"
	"testing"

	"github.com/svcmark/svcmark/results"
)

func TestFormat(t *testing.T) {
	for _, tt := range []struct {
		scale scale
		v     float64
		want  string
	}{
		{si, 0, "0"}, {si, 17, "17"}, {si, 9999, "9999"}, {si, 10000, "10.00k"}, {si, 222500, "222.5k"},
		{si, 999960, "1.000M"}, {si, 999940, "999.9k"}, {si, 1e9, "1.000G"}, {si, 0.0186, "0.01860"}, {si, -26.04, "-26.04"},
		{si, 1e30, "1000000000000000P"}, {si, math.Inf(1), "∞"}, {si, math.NaN(), "–"},
		{seconds, 45.2e-6, "45.20µ"}, {seconds, 0.9999e-3, "999.9µ"}, {seconds, 0.99999e-3, "1.000m"}, {seconds, 1.5, "1.500"}, {seconds, 1e-12, "0.001000n"},
		{iec, 1000, "1000"}, {iec, 1024, "1.000Ki"}, {iec, 1 << 20, "1.000Mi"}, {iec, 1023.99 * 1024, "1.000Mi"}, {iec, 5.5 * (1 << 30), "5.500Gi"},
	} {
		if got := tt.scale.format(tt.v, 4); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.v, got, tt.want)
		}
	}
	for v, want := range map[float64]string{1000: "1k", 2500: "2.5k", 1e9: "1G", 350000: "350k"} {
		if got := si.short(v); got != want {
			t.Errorf("short %v: got %s, want %s", v, got, want)
		}
	}
}

func TestQuantity(t *testing.T) {
	for unit, want := range map[string][2]string{ // the value 2000000, the axis
		"insns/op":        {"2.000M", "instructions per operation"},
		"ns/op":           {"2.000ms", "time per operation"},
		"user-ns/op":      {"2.000ms", "user time per operation"},
		"kernel-B":        {"1.907MiB", "kernel bytes"},
		"tools-peak-B":    {"1.907MiB", "tools peak bytes"},
		"virtual-servers": {"2.000M", "virtual servers"},
		"B/s":             {"1.907MiB", "bytes per s"},
	} {
		q := quantityOf(results.Unit{Name: unit})
		if got := [2]string{q.value(2e6), q.axis()}; got != want {
			t.Errorf("%s: got %q, want %q", unit, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{"Sync": "Sync", "FirstPacket": "First packet", "CPU": "CPU", "CPUTime": "CPU time", "PartialSync": "Partial sync", "UseOfCPU": "Use of CPU"} {
		if got := words(in); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
	if lower("First packet") != "first packet" || lower("CPU") != "CPU" {
		t.Error("lower")
	}
}
