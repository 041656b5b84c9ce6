package main

import (
	"github.com/spf13/cobra"

	"github.com/svcmark/svcmark/backends/userspace"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/asking"
	"github.com/svcmark/svcmark/lab/endpoint"
	"github.com/svcmark/svcmark/runner"
)

// newWorker is the verb with which a lab starts this program on a node.
func newWorker(s *streams) *cobra.Command {
	var programs programs
	cmd := &cobra.Command{
		Use: runner.Verb, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := lab.EnterNode(); err != nil {
				return err
			}
			return runner.Work(cmd.Context(), s.in, s.out, registryWith(programs))
		},
	}
	cmd.Flags().Var(&programs.proxies, kubeProxyName, "")
	cmd.Flags().Var(&programs.execs, execFlag, "")
	return cmd
}

// newEndpointHost is the verb with which a worker starts an endpoint host.
func newEndpointHost(s *streams) *cobra.Command {
	return &cobra.Command{
		Use: endpoint.Verb, Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return endpoint.Serve(s.in, s.out) },
	}
}

// newAskingClient is the verb with which a worker starts a client that asks beside what
// is measured.
func newAskingClient(s *streams) *cobra.Command {
	return &cobra.Command{
		Use: asking.Verb, Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return asking.Serve(s.in, s.out) },
	}
}

// newUserspaceProxy is the verb with which the backend userspace starts its proxy.
func newUserspaceProxy(s *streams) *cobra.Command {
	return &cobra.Command{
		Use: userspace.Verb, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return userspace.Serve(cmd.Context(), s.in, s.out) },
	}
}
