package vmtest_test

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/svcmark/svcmark/lab/vm/vmtest"
)

// TestVMSpeed holds our own part of a full sync against the bare tool's, fed the
// same text, both counted in one run of the virtual clock, which is the only place
// where such a ratio may be asserted. The other limits stand with what they
// measure: ipvs against ipvsadm in backends/ipvs, a connect's cost in cmd/svcmark.
func TestVMSpeed(t *testing.T) {
	for _, c := range []struct {
		benchmark, ratio string
		limit            float64
	}{
		{"IPTablesSync/backend=iptables-legacy/services=5000$", "x-restore", 1.05},
		// nft grows with about n^1.7: 5,000 would take minutes.
		{"NftablesSync/layout=1.36/services=1000$", "x-nft", 1.1},
	} {
		t.Run(c.ratio, func(t *testing.T) {
			lines := vmtest.Run(t, "github.com/svcmark/svcmark/backends/backendtest",
				"-test.run=^$", "-test.bench="+c.benchmark, "-test.benchtime=1x")
			ratio := regexp.MustCompile(`([0-9.]+) ` + c.ratio + `\b`)
			for _, line := range lines {
				t.Log(line)
				found := ratio.FindStringSubmatch(line)
				if found == nil {
					continue
				}
				x, err := strconv.ParseFloat(found[1], 64)
				if err != nil {
					t.Fatal(err)
				}
				if x > c.limit {
					t.Errorf("a full sync costs %.3f times the bare tool, want at most %.2f", x, c.limit)
				}
				return
			}
			t.Error("the benchmark told no ratio")
		})
	}
}
