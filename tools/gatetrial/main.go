// Command gatetrial tries svcmark's gate on real runs: how often it alarms where
// nothing has changed, and which share of slower syncs it finds. It runs a tiny
// scenario again and again, judges each run against the one before, and, for each
// share that is injected, a slowed run against its neighbour.
//
// What is injected is real work: the backend's Sync burns the share of its own
// time before it returns, in the clock that measures it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/endpoint"
	"github.com/svcmark/svcmark/lab/vm/guest"
	"github.com/svcmark/svcmark/runner"
)

func main() {
	if guest.Is() {
		guest.Main()
	}
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := execute(ctx, os.Args[1:]); err != nil {
		log.Fatal("gatetrial: ", err)
	}
}

func execute(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == endpoint.Verb {
		return endpoint.Serve(os.Stdin, os.Stdout)
	}
	if len(args) > 1 && args[0] == runner.Verb {
		share, err := strconv.ParseFloat(args[1], 64)
		if err != nil {
			return err
		}
		if err := lab.EnterNode(); err != nil {
			return err
		}
		return runner.Work(ctx, os.Stdin, os.Stdout, registry(share))
	}
	var t trial
	flags := flag.NewFlagSet("gatetrial", flag.ExitOnError)
	flags.StringVar(&t.dir, "out", "", "`directory` of the runs; those that it holds are judged and not run again")
	flags.StringVar(&t.lab, "lab", "netns", "netns (wall clock) or vm (virtual clock)")
	flags.IntVar(&t.pairs, "pairs", 30, "compare so many times what is the same")
	flags.IntVar(&t.injected, "injected", 10, "compare so many times for each share that is injected")
	flags.IntVar(&t.repeat, "repeat", 10, "repetitions of each run")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if t.dir == "" {
		return fmt.Errorf("--out is missing")
	}
	return t.run(ctx)
}
