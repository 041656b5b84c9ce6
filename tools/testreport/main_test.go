package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	tests := []struct {
		name, in string
		ci, ok   bool
		says     []string
	}{
		{
			name: "all pass", ok: true, ci: true,
			in:   `{"Action":"pass","Package":"p","Test":"A"}` + "\n" + `{"Action":"pass","Package":"p","Elapsed":1}`,
			says: []string{"1 passed, 0 failed, 0 skipped", "pass p 1.0s"},
		},
		{
			name: "a failure shows its output",
			in:   `{"Action":"output","Package":"p","Test":"A","Output":"boom\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"A"}`,
			says: []string{"FAILED p A\nboom", "0 passed, 1 failed, 0 skipped"},
		},
		{
			name: "a skip is allowed at home", ok: true,
			in:   `{"Action":"pass","Package":"p","Test":"A"}` + "\n" + `{"Action":"output","Package":"p","Test":"B","Output":"    x_test.go:1: no QEMU\n"}` + "\n" + `{"Action":"skip","Package":"p","Test":"B"}`,
			says: []string{"SKIPPED p B: x_test.go:1: no QEMU", "1 passed, 0 failed, 1 skipped"},
		},
		{
			name: "a skip fails in CI", ci: true,
			in:   `{"Action":"pass","Package":"p","Test":"A"}` + "\n" + `{"Action":"skip","Package":"p","Test":"B"}`,
			says: []string{"In CI a skipped test is a failure"},
		},
		{
			name: "a process that dies shows what its tests said",
			in:   `{"Action":"output","Package":"p","Test":"A","Output":"panic: test timed out\n"}` + "\n" + `{"Action":"fail","Package":"p"}`,
			says: []string{"UNFINISHED p A\npanic: test timed out", "A package failed outside of its tests."},
		},
		{name: "no test ran", in: "", says: []string{"0 passed"}},
		{
			name: "a package that does not build",
			in:   `{"Action":"pass","Package":"p","Test":"A"}` + "\n" + `{"Action":"fail","Package":"q"}`,
			says: []string{"A package failed outside of its tests."},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			r := newReport()
			if err := r.read(strings.NewReader(tt.in), &out); err != nil {
				t.Fatal(err)
			}
			if ok := r.summarize(&out, tt.ci); ok != tt.ok {
				t.Errorf("ok = %v, want %v\n%s", ok, tt.ok, out.String())
			}
			for _, want := range tt.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("does not say %q:\n%s", want, out.String())
				}
			}
		})
	}
}
