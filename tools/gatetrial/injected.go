package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/runner"
)

// injection is what is made worse on purpose. The zero injection is nothing.
type injection struct {
	name  string  // in folders and as the worker's argument
	title string  // in tables
	share float64 // of its own time that a sync takes longer
	rule  bool    // every packet passes one rule more
}

// nothing is the injection of a run that is as it should be.
var nothing = injection{name: "same", title: "nothing"}

// injections are those of a clock. One rule costs some 26 instructions, which no wall
// clock tells.
func injections(clock lab.Clock) []injection {
	all := []injection{
		{name: "sync1", title: "sync 1 % slower", share: 0.01},
		{name: "sync5", title: "sync 5 % slower", share: 0.05},
		{name: "sync10", title: "sync 10 % slower", share: 0.10},
	}
	if clock == lab.Virtual {
		all = append(all, injection{name: "rule", title: "one more rule for every packet", rule: true})
	}
	return all
}

// injectionOf finds an injection by its name.
func injectionOf(name string) (injection, error) {
	for _, x := range append(injections(lab.Virtual), nothing) {
		if x.name == name {
			return x, nil
		}
	}
	return injection{}, fmt.Errorf("there is no injection %q", name)
}

// registry has the one backend of the trial, made worse.
func (x injection) registry() runner.Registry {
	return runner.Registry{
		Backends: map[string]func() backends.Backend{"iptables-legacy": func() backends.Backend {
			var b backends.Backend = iptables.New(iptables.Legacy)
			if x.rule {
				b = ruled{b}
			}
			if x.share > 0 {
				b = slowed{b, x.share}
			}
			return b
		}},
		Measurements: map[string]measure.Measurement{
			"sync": measure.Sync{}, "firstPacket": measure.FirstPacket{}, "roundTrip": measure.RoundTrip{},
		},
		WorkerArgs: []string{x.name},
	}
}

// slowed is a backend whose syncs burn a share of their own time before they return, in
// the clock that measures them.
type slowed struct {
	backends.Backend
	share float64
}

func (s slowed) Sync(ctx context.Context, state *backends.State) error {
	begin := lab.Now()
	err := s.Backend.Sync(ctx, state)
	took := lab.Now() - begin
	for until := begin + took + int64(s.share*float64(took)); lab.Now() < until; {
	}
	return err
}

// ruled is a backend with one rule more in each family, first in the path of all that is
// forwarded: it drops what comes from an address that nobody has (RFC 5737, RFC 3849).
type ruled struct{ backends.Backend }

func (r ruled) Sync(ctx context.Context, state *backends.State) error {
	if err := r.Backend.Sync(ctx, state); err != nil {
		return err
	}
	for _, f := range families {
		if f.rule(ctx, "--check") == nil {
			continue
		}
		if err := f.rule(ctx, "--insert"); err != nil {
			return err
		}
	}
	return nil
}

func (r ruled) Cleanup(ctx context.Context) error {
	var all error
	for _, f := range families {
		if f.rule(ctx, "--check") == nil {
			all = errors.Join(all, f.rule(ctx, "--delete"))
		}
	}
	return errors.Join(all, r.Backend.Cleanup(ctx))
}

// family is the program of a family and an address of it that nobody has.
type family struct{ program, nobody string }

var families = [...]family{{"iptables-legacy", "192.0.2.1"}, {"ip6tables-legacy", "2001:db8::1"}}

func (f family) rule(ctx context.Context, does string) error {
	out, err := exec.CommandContext(ctx, f.program, "--wait", does, "FORWARD", "--source", f.nobody, "--jump", "DROP").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", f.program, does, err, strings.TrimSpace(string(out)))
	}
	return nil
}
