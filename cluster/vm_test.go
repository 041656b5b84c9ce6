package cluster_test

import (
	"testing"

	"github.com/svcmark/svcmark/lab/vm/vmtest"
)

// In the microVM there is IPVS, too.
func TestVMToolsLoadRenderings(t *testing.T) {
	vmtest.Run(t, "github.com/svcmark/svcmark/cluster/loadtest")
}
