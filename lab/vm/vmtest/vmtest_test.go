package vmtest_test

import (
	"testing"

	"github.com/svcmark/svcmark/lab/vm/vmtest"
)

// These run the suites that need a full kernel on one.

func TestVMConformance(t *testing.T) {
	vmtest.Run(t, "github.com/svcmark/svcmark/backends/backendtest")
}

func TestVMIPVS(t *testing.T) {
	for _, line := range vmtest.Run(t, "github.com/svcmark/svcmark/backends/ipvs") {
		t.Log(line) // what a sync costs, beside the bare tools
	}
}

func TestVMGolden(t *testing.T) { vmtest.Run(t, "github.com/svcmark/svcmark/conformance") }

func TestVMLab(t *testing.T) { vmtest.Run(t, "github.com/svcmark/svcmark/lab") }
