// Package vmtest runs a package's tests inside a microVM: on a kernel that has
// everything, and under the virtual clock.
package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm"
	"github.com/svcmark/svcmark/lab/vm/guest"
)

// Env set to "1" sends the tests of every package whose TestMain is Main into a
// guest. They must be built with CGO_ENABLED=0.
const Env = "SVCMARK_TEST_VM"

// Main is what a TestMain calls. With Env it runs the whole test program in a guest,
// with the arguments that it was given, and ends with its status; inside, and
// without Env, it calls inside. A guest has none of this machine's files: tests
// must embed what they read.
//
// A machine without QEMU or a kernel passes over the tests and says so, but fails
// where CI is "true".
func Main(m *testing.M, inside func(*testing.M)) {
	if guest.Is() {
		guest.Main()
	}
	if os.Getenv(Env) != "1" {
		inside(m)
		return
	}
	os.Exit(outside(os.Args[1:]))
}

func outside(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	l, err := vm.New(ctx, vm.Options{Log: func(s string) { fmt.Fprintln(os.Stderr, s) }})
	if err != nil {
		if errors.Is(err, backends.ErrNotSupported) && os.Getenv("CI") != "true" {
			fmt.Println("no test was run in a guest:", err)
			return 0
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer l.Close()
	err = l.Run(ctx, lab.Job{Args: guestArgs(args)}, func(line []byte) { fmt.Printf("%s\n", line) })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// guestArgs leaves out the flags that name files of this machine.
func guestArgs(args []string) []string {
	var kept []string
	for _, a := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch name {
		case "test.testlogfile", "test.outputdir", "test.gocoverdir", "test.coverprofile", "test.trace",
			"test.cpuprofile", "test.memprofile", "test.blockprofile", "test.mutexprofile", "test.fuzzcachedir":
			continue
		}
		kept = append(kept, a)
	}
	return kept
}
