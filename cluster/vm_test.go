package cluster_test

import (
	"testing"

	"github.com/svcmark/svcmark/lab/vm/vmtest"
)

// In the microVM there is IPVS, which the running kernel may lack.
func TestVMToolsLoadRenderings(t *testing.T) {
	vmtest.Run(t, "github.com/svcmark/svcmark/cluster/loadtest", "-test.run=TestToolsLoadRenderings/ipvs")
}
