package vmtest_test

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/svcmark/svcmark/lab/vm/vmtest"
)

// TestVMNftablesSpeed is TestVMSpeed for nftables: our own part of a full sync
// of 5,000 Services with three endpoints each, against nft fed the same text.
func TestVMNftablesSpeed(t *testing.T) {
	const limit = 1.1
	lines := vmtest.Run(t, "github.com/svcmark/svcmark/backends/backendtest",
		"-test.run=^$", "-test.bench=NftablesSync/layout=1.36/services=5000$", "-test.benchtime=1x")
	ratio := regexp.MustCompile(`([0-9.]+) x-nft\b`)
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
			t.Errorf("a full sync of 5,000 Services costs %.3f times a bare nft -f, want at most %.2f", x, limit)
		}
		return
	}
	t.Error("the benchmark told no ratio")
}
