// Command svcmark measures how a Kubernetes node's Service dataplane behaves
// as Services grow.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/svcmark/svcmark/lab/vm/guest"
)

// patience is how long an interrupted program may go on before it ends all the same.
// What it starts ends with it, and what it writes survives that.
const patience = 1500 * time.Millisecond

func main() {
	if guest.Is() {
		guest.Main()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, func() {
		stop() // so that a second signal ends it at once
		time.Sleep(patience)
		fmt.Fprintln(os.Stderr, "svcmark: interrupted")
		os.Exit(exitInterrupted)
	})
	code := execute(ctx, &streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}
