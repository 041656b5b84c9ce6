package vm

import (
	"os"
	"testing"

	"github.com/svcmark/svcmark/lab/vm/guest"
)

// TestMain makes this test program three things: the tests, the guest's first
// process, and the workers that it starts.
func TestMain(m *testing.M) {
	if guest.Is() {
		guest.Main()
	}
	if len(os.Args) > 1 {
		if work, ok := workers()[os.Args[1]]; ok {
			work(os.Args[2:])
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}
