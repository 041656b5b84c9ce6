// Package labtest runs a package's tests on a node: inside namespaces of the
// running kernel, or inside the microVM when the test binary is its init.
package labtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/asking"
	"github.com/svcmark/svcmark/lab/endpoint"
	"github.com/svcmark/svcmark/lab/vm/guest"
)

// Main is a TestMain: it starts the test binary again inside a fresh node, as
// root or rootless, and runs the tests there.
func Main(m *testing.M) {
	if guest.Is() {
		guest.Main()
	}
	for verb, serve := range map[string]func(io.Reader, io.Writer) error{endpoint.Verb: endpoint.Serve, asking.Verb: asking.Serve} {
		if len(os.Args) == 2 && os.Args[1] == verb {
			if err := serve(os.Stdin, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	if lab.OnNode() {
		if err := lab.EnterNode(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	os.Exit(again())
}

func again() int {
	runtime.LockOSThread() // the child dies with this thread
	exe, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := (&lab.NetNS{Executable: exe}).Command(context.Background(), os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the tests inside a node:", err)
		return 1
	}
	return 0
}
