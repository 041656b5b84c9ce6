// Command gatetrial tries svcmark's gate on real runs: how often it alarms where
// nothing has changed, and how often it finds what was made worse on purpose. It runs a
// tiny scenario again and again, judges pairs of runs of which no two have one in common,
// and for each injection a run that has it against one that has not.
//
// What is injected is real work: a sync burns a share of its own time before it returns,
// in the clock that measures it, or every packet passes one rule more.
//
// Given the directories of such trials in the virtual clock, each of another build of this
// command, it judges all of them against each other instead.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
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
		x, err := injectionOf(args[1])
		if err != nil {
			return err
		}
		if err := lab.EnterNode(); err != nil {
			return err
		}
		return runner.Work(ctx, os.Stdin, os.Stdout, x.registry())
	}
	var t trial
	flags := flag.NewFlagSet("gatetrial", flag.ExitOnError)
	flags.StringVar(&t.dir, "out", "", "`directory` of the runs; those that it holds are judged and not run again")
	flags.StringVar(&t.lab, "lab", "netns", "netns (wall clock) or vm (virtual clock)")
	flags.IntVar(&t.pairs, "pairs", 30, "compare so many times what is the same")
	flags.IntVar(&t.injected, "injected", 10, "compare so many times for each thing that is injected")
	flags.IntVar(&t.repeat, "repeat", 6, "repetitions of each run in the wall clock; 6 is what svcmark run makes")
	within := flags.Duration("within", 0, "stop after this real `time` and print the tables of what there is then; 0 is never")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return across(flags.Args(), os.Stdout)
	}
	if t.dir == "" {
		return fmt.Errorf("--out is missing")
	}
	if t.pairs < 0 || t.injected < 0 || t.repeat < 1 {
		return fmt.Errorf("--pairs, --injected and --repeat: want numbers that are not negative, and a repetition")
	}
	if *within > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, *within)
		defer stop()
	}
	return t.run(ctx, os.Stdout)
}
