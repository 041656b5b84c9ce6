// Command kube-proxy is Kubernetes' own kube-proxy, built from its modules at
// the version that go.mod pins. It is a module of its own: k8s.io/kubernetes is
// not made to be imported, and svcmark must not depend on it.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-proxy/app"
)

func main() { os.Exit(cli.Run(app.NewProxyCommand())) }
