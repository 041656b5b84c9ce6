package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// streams are what the program reads and writes: data on out, progress and
// logs on err.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// execute runs a command line and returns its exit code.
func execute(ctx context.Context, s *streams, args []string) int {
	root := newRoot(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	if code == exitInterrupted {
		fmt.Fprintln(s.err, "svcmark: interrupted")
		return code
	}
	if err != nil {
		fmt.Fprintf(s.err, "svcmark: %v\n", err)
	}
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(s.err, "Try svcmark --help.")
	}
	return code
}

func newRoot(s *streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "svcmark",
		Short: "Measure how a node's Service dataplane behaves as Services grow",
		Long: `svcmark programs thousands of Kubernetes Services through real kernel dataplanes
(iptables, IPVS, nftables) in an isolated lab, proves by packets that they work, and
measures what a sync and a packet cost as the Services grow.

Data goes to stdout, progress to stderr. Exit codes: 0 ok, 1 regression,
2 usage, scenario or input error, 3 this machine cannot do it, 4 inconclusive,
5 a run failed, 130 interrupted.`,
		Example: `  svcmark run quick                         the preset of the README
  svcmark run quick --backends direct,ipvs  a part of it
  svcmark run my-scenario.yaml --out results/mine
  svcmark report results/mine -o md
  svcmark gate results/main results/change  a verdict, as an exit code
  svcmark plan results/mine                 at how many Services a limit is reached
  svcmark doctor                            what this machine can run`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs, // with RunE an unknown verb is an error and no help text
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	for _, verb := range []func(*streams) *cobra.Command{
		newRun, newImport, newRender, newReport, newCompare, newGate, newPlan, newClaims, newDoctor, newVersion,
		newWorker, newEndpointHost, newAskingClient, newUserspaceProxy,
	} {
		root.AddCommand(verb(s))
	}
	badArgs(root)
	return root
}

// badArgs makes every command's complaint about its arguments a usage error.
func badArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		badArgs(sub)
	}
}
