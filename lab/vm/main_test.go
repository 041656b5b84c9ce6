package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/svcmark/svcmark/lab/vm/guest"
)

// TestMain makes this test program several things: the tests, the guest's first
// process, the workers that it starts, and, by its name, a QEMU that is out of
// order.
func TestMain(m *testing.M) {
	if guest.Is() {
		guest.Main()
	}
	if name := filepath.Base(os.Args[0]); name == "qemu-dies" || name == "qemu-hangs" {
		brokenQEMU(name)
	}
	if len(os.Args) > 1 {
		if work, ok := workers()[os.Args[1]]; ok {
			work(os.Args[2:])
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func brokenQEMU(name string) {
	if os.Args[1] == "--version" {
		fmt.Println("QEMU emulator version 0.1 (broken)\nand more")
		os.Exit(0)
	}
	if name == "qemu-hangs" {
		wait()
	}
	fmt.Fprintln(os.Stderr, "this QEMU is broken")
	os.Exit(1)
}
