package vmtest_test

import (
	"testing"

	"github.com/svcmark/svcmark/lab/vm/vmtest"
)

// These run the suites that need a full kernel on one.

// The guest is an order of magnitude slower than namespaces; what it adds is its
// kernel, IPVS and SCTP. Left to namespaces are the long walks through random
// changes, and to TestVMIPVS the options of ipvs that the registry does not use.
func TestVMConformance(t *testing.T) {
	vmtest.Run(t, "github.com/svcmark/svcmark/backends/backendtest",
		"-test.run=^(TestConformance|TestIPTablesReadBack|TestIPTablesRenderIsAccepted|TestNftablesObjects)$",
		"-test.skip=^TestConformance$/^ipvs$/^(iptables-nft|kube-proxy)$")
}

func TestVMIPVS(t *testing.T) {
	for _, line := range vmtest.Run(t, "github.com/svcmark/svcmark/backends/ipvs") {
		t.Log(line) // what a sync costs, beside the bare tools
	}
}

func TestVMGolden(t *testing.T) { vmtest.Run(t, "github.com/svcmark/svcmark/conformance") }

func TestVMLab(t *testing.T) { vmtest.Run(t, "github.com/svcmark/svcmark/lab") }
