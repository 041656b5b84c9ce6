// Command conformance runs the real kube-proxy in svcmark's labs and compares
// what it leaves in the kernel with the golden files of package conformance and
// with the built-in backends, live; or writes the golden files anew. make
// conformance runs it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/svcmark/svcmark/conformance"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm/guest"
)

func main() {
	if guest.Is() {
		guest.Main()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if lab.OnNode() {
		if err := work(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var o options
	o.register(flag.CommandLine)
	flag.Parse()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// work is the worker's side: a conformance.Job on stdin, a Finding a line on
// stdout.
func work(ctx context.Context) error {
	if err := lab.EnterNode(); err != nil {
		return err
	}
	var job conformance.Job
	if err := json.NewDecoder(os.Stdin).Decode(&job); err != nil {
		return errors.Join(errors.New("reading the job"), err)
	}
	out := json.NewEncoder(os.Stdout)
	return job.Work(ctx, func(f conformance.Finding) error { return out.Encode(f) })
}
