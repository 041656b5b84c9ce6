package measure

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/probe"
)

// Judged is a Backend that is told by packets when its work is done.
type Judged interface{ JudgeBy(backends.Judge) }

// serveJudge gives a Judged Backend its judge.
func (c *Cell) serveJudge() {
	if j, ok := c.Backend.(Judged); ok {
		j.JudgeBy(c.judge)
	}
}

const (
	// asksPerEndpoint is how often a Service whose endpoints have changed is asked for
	// each of them: one that should not answer any more, among n that are chosen at
	// random, is missed with a probability of e^-2, and of e^-8 when it is thorough.
	asksPerEndpoint, thoroughAsksPerEndpoint = 2, 8

	mostAsks = 400

	// thoroughSilence is how often, and for how long each time, nobody may answer: on
	// one processor that is busy an answer takes as long as its neighbours let it.
	thoroughSilence, thoroughPatience = 3, 100 * time.Millisecond
)

// judge is the cell's backends.Judge. A ServicePort that is new is served when one of
// its endpoints answers; one whose endpoints have changed when each that came has
// answered and none that went; one that went when nobody answers.
func (c *Cell) judge(ctx context.Context, ch backends.Change, patience time.Duration, thorough bool) error {
	p := ch.New
	if p == nil {
		p = ch.Old
	}
	if !c.State.Node.Addr(p.Family()).IsValid() { // nobody here speaks it
		return nil
	}
	silences, perEndpoint := 1, asksPerEndpoint
	if thorough {
		silences, perEndpoint, patience = thoroughSilence, thoroughAsksPerEndpoint, max(patience, thoroughPatience)
	}
	return c.Topology.Client.Do(func() error {
		if ch.New == nil || len(used(c.State, ch.New)) == 0 {
			for range silences {
				if a, err := probe.Ask(p.Protocol, p.VIP(), patience); err == nil {
					return fmt.Errorf("%s still answers for Service %s", a.Endpoint, p)
				}
			}
			return nil
		}
		return c.judgeEndpoints(ctx, ch, patience, perEndpoint)
	})
}

func (c *Cell) judgeEndpoints(ctx context.Context, ch backends.Change, patience time.Duration, perEndpoint int) error {
	own, asks := used(c.State, ch.New), 1
	awaited := map[string]bool{} // the endpoints that came
	if ch.Old != nil {
		asks = min(mostAsks, perEndpoint*max(len(ch.Old.Endpoints), len(ch.New.Endpoints)))
		for _, e := range own {
			if !slices.ContainsFunc(used(c.State, ch.Old), func(o backends.Endpoint) bool { return o.Addr == e.Addr }) {
				awaited[e.Addr.String()] = true
			}
		}
	}
	for range asks {
		if err := ctx.Err(); err != nil {
			return err
		}
		a, err := probe.Ask(ch.New.Protocol, ch.New.VIP(), patience)
		if err != nil {
			return fmt.Errorf("the Service %s does not answer: %w", ch.New, err)
		}
		if !slices.ContainsFunc(own, func(e backends.Endpoint) bool { return e.Addr == a.Endpoint }) {
			return fmt.Errorf("%s answers for Service %s and is none of its endpoints", a.Endpoint, ch.New)
		}
		delete(awaited, a.Endpoint.String())
	}
	for e := range awaited {
		return fmt.Errorf("%s does not answer for Service %s yet", e, ch.New)
	}
	return nil
}
