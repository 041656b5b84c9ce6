package lab

import (
	"strings"
	"testing"
)

func TestParseIdle(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		err  string
	}{
		{in: "cpu: 0\n  .nohz_mode      : 2\n  .idle_sleeptime : 4110394128 nsecs\n  .idle_active    : 1\n", want: 4110394128},
		{in: "  .idle_sleeptime : 1 nsecs\n  .idle_sleeptime : 2 nsecs\n", want: 3},
		{in: "Timer List Version: v0.9\n", err: "does not tell it"},
		{in: "  .idle_sleeptime : many nsecs\n", err: "many"},
		{in: "  .idle_sleeptime : -1 nsecs\n", err: "-1"},
	}
	for _, tt := range tests {
		got, err := parseIdle(strings.NewReader(tt.in))
		if tt.err == "" && (err != nil || got != tt.want) {
			t.Errorf("%q: %d, %v; want %d", tt.in, got, err, tt.want)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%q: %v, want an error with %q", tt.in, err, tt.err)
		}
	}
}

func FuzzParseIdle(f *testing.F) {
	f.Add("  .idle_sleeptime : 4110394128 nsecs\n")
	f.Fuzz(func(t *testing.T, in string) {
		if n, err := parseIdle(strings.NewReader(in)); err == nil && n < 0 {
			t.Errorf("%q: %d", in, n)
		}
	})
}
