// Command svcmark measures how a Kubernetes node's Service dataplane behaves
// as Services grow.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/svcmark/svcmark/lab/vm/guest"
)

func main() {
	if guest.Is() {
		guest.Main()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := execute(ctx, &streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}
