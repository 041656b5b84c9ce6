package vmtest_test

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/svcmark/svcmark/lab/vm/vmtest"
)

// TestVMSpeed holds our own part of a full sync against the bare tool's, both
// counted in one run of the virtual clock, which is the only place where such a
// ratio may be asserted. The other limits stand with what they measure: ipvs
// against ipvsadm in backends/ipvs, a connect's cost in cmd/svcmark.
func TestVMSpeed(t *testing.T) {
	const limit = 1.05 // of iptables-restore fed the same text
	lines := vmtest.Run(t, "github.com/svcmark/svcmark/backends/backendtest",
		"-test.run=^$", "-test.bench=IPTablesSync/backend=iptables-legacy/services=5000", "-test.benchtime=1x") // a second one would tell the same
	ratio := regexp.MustCompile(`([0-9.]+) x-restore\b`)
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
		if x > limit {
			t.Errorf("a full sync of 5,000 Services costs %.3f times a bare restore, want at most %.2f", x, limit)
		}
		return
	}
	t.Error("the benchmark told no ratio")
}
