package vmtest_test

import (
	"strings"
	"testing"

	"github.com/svcmark/svcmark/lab/vm/vmtest"
)

// These run the suites that need a full kernel on one, each in a guest of its
// own and beside each other: what they say does not depend on who else runs.

// The guest is an order of magnitude slower than namespaces; what it adds is its
// kernel, IPVS and SCTP. Of iptables, nftables and userspace it shows that packets take the
// same ways as on a running kernel. Left to that are their changes one after
// another and the node of one family, and to TestVMIPVS the options of ipvs that
// the registry does not use.
func TestVMConformance(t *testing.T) {
	t.Parallel()
	vmtest.Run(t, "github.com/svcmark/svcmark/backends/backendtest",
		"-test.run=^(TestConformance|TestSchedulers|TestScenarioWeights|TestIPTablesReadBack|TestIPTablesRenderIsAccepted|TestNftablesObjects)$",
		"-test.skip="+strings.Join([]string{
			"^TestConformance$/^(iptables|nftables|userspace)/^(Apply|Cleanup|Empty|Interrupt|IPv6Only)$",
			"^TestConformance$/^ipvs$/^(iptables-nft|kube-proxy)$",
		}, "|"))
}

func TestVMIPVS(t *testing.T) {
	t.Parallel()
	for _, line := range vmtest.Run(t, "github.com/svcmark/svcmark/backends/ipvs") {
		t.Log(line) // what a sync costs, beside the bare tools
	}
}

func TestVMEBPF(t *testing.T) {
	t.Parallel()
	for _, line := range vmtest.Run(t, "github.com/svcmark/svcmark/backends/ebpf") {
		t.Log(line) // what a sync costs, beside IPVS
	}
	vmtest.Run(t, "github.com/svcmark/svcmark/backends/ebpf/tc")
}

func TestVMGolden(t *testing.T) {
	t.Parallel()
	vmtest.Run(t, "github.com/svcmark/svcmark/conformance")
}

func TestVMLab(t *testing.T) {
	t.Parallel()
	vmtest.Run(t, "github.com/svcmark/svcmark/lab")
}

// What load costs is exact here: delays and losses of a known size are found
// again with it, and so is what packets meet while rules change.
func TestVMLoad(t *testing.T) {
	t.Parallel()
	for _, line := range vmtest.Run(t, "github.com/svcmark/svcmark/measure", "-test.run=^(TestOpenLoop.*|TestLoadUnits|TestExtraRules.*|TestDuringSync.+|TestChurnOf.*)$") {
		t.Log(line)
	}
}
