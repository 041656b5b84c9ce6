package main

import (
	"context"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/runner"
)

// slowed is a backend whose syncs take longer by a share of their own time.
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

// registry has the one backend of the trial, slowed by a share.
func registry(share float64) runner.Registry {
	return runner.Registry{
		Backends: map[string]func() backends.Backend{
			"iptables-legacy": func() backends.Backend { return slowed{iptables.New(iptables.Legacy), share} },
		},
		Measurements: map[string]measure.Measurement{
			"sync": measure.Sync{}, "firstPacket": measure.FirstPacket{}, "roundTrip": measure.RoundTrip{},
		},
		WorkerArgs: []string{formatShare(share)},
	}
}
