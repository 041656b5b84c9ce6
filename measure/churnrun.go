package measure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/asking"
	"github.com/svcmark/svcmark/results"
)

// churnRun is a schedule of changes and what became of it. Times are readings of the clock.
type churnRun struct {
	plan  ChurnPlan
	state *backends.State // from which it began
	now   *backends.State // that the backend has been told of
	at    []int           // the Services that change, in turn
	fresh map[backends.Family]netip.Addr
	taken map[netip.Addr]bool

	start   int64
	changes []churnChange
	spans   []map[netip.AddrPort][]tenure // of each Service, when an address was its endpoint
	age     [][]netip.AddrPort            // of each, its endpoints, the oldest first
	waiting int                           // most changes in one Apply
}

// churnChange is when a change was due and when the Apply returned that made it.
type churnChange struct{ due, complete int64 }

// tenure is when an address was an endpoint: from when it was due, until its removal was
// due, and was made.
type tenure struct{ from, until, made int64 }

const forever = math.MaxInt64

func newChurnRun(state *backends.State, plan ChurnPlan, at []int) (*churnRun, error) {
	n := int(int64(plan.Rate) * int64(plan.Duration) / int64(time.Second))
	if n < 1 {
		return nil, fmt.Errorf("%w: %d changes a second are none within %s", ErrNotApplicable, plan.Rate, plan.Duration)
	}
	r := &churnRun{
		plan: plan, state: state, now: state, at: at, changes: make([]churnChange, n),
		fresh: map[backends.Family]netip.Addr{}, taken: map[netip.Addr]bool{},
	}
	for i := range state.Services {
		for _, e := range state.Services[i].Endpoints {
			r.taken[e.Addr.Addr()] = true
		}
	}
	for _, i := range at {
		spans, age := map[netip.AddrPort][]tenure{}, []netip.AddrPort(nil)
		for _, e := range state.Services[i].Endpoints {
			spans[e.Addr], age = []tenure{{0, forever, forever}}, append(age, e.Addr)
		}
		r.spans, r.age = append(r.spans, spans), append(r.age, age)
	}
	return r, nil
}

// apply makes all changes, each when it is due or as soon after as apply, which says
// when it was complete, lets it.
func (r *churnRun) apply(ctx context.Context, apply func(*backends.Delta) (int64, error)) error {
	r.start = lab.Now()
	for i := range r.changes {
		r.changes[i].due = r.start + int64(i+1)*int64(time.Second)/int64(r.plan.Rate)
	}
	for next := 0; next < len(r.changes); {
		if err := ctx.Err(); err != nil {
			return err
		}
		time.Sleep(time.Duration(r.changes[next].due - lab.Now()))
		first := next
		to := &backends.State{Node: r.now.Node, Services: slices.Clone(r.now.Services)}
		for ; next < len(r.changes) && r.changes[next].due <= lab.Now(); next++ {
			if err := r.change(to, next); err != nil {
				return err
			}
		}
		if next == first { // woken early
			continue
		}
		r.waiting = max(r.waiting, next-first)
		complete := lab.Now()
		if d := r.delta(to); len(d.Changes) > 0 { // else what went has come back before anybody was told
			var err error
			if complete, err = apply(d); err != nil {
				return fmt.Errorf("change %d of %d: %w", next, len(r.changes), err)
			}
		}
		r.now = to
		r.complete(first, next, complete)
	}
	return nil
}

// complete notes that changes were made.
func (r *churnRun) complete(first, next int, at int64) {
	for i := first; i < next; i++ {
		r.changes[i].complete = at
	}
	for _, spans := range r.spans {
		for _, of := range spans {
			for i := range of {
				if of[i].until != forever && of[i].made == forever {
					of[i].made = at
				}
			}
		}
	}
}

// change makes the i-th change in a State.
func (r *churnRun) change(to *backends.State, i int) error {
	turn, round := i%len(r.at), i/len(r.at)
	p := &to.Services[r.at[turn]]
	due, spans := r.changes[i].due, r.spans[turn]
	begin := func(a netip.AddrPort) { spans[a] = append(spans[a], tenure{due, forever, forever}) }
	end := func(a netip.AddrPort) { spans[a][len(spans[a])-1].until = due }
	if r.plan.Kind == ChurnFlapping {
		all := r.state.Services[r.at[turn]].Endpoints
		gone := all[round/2%len(all)].Addr
		if round%2 == 1 {
			p.Endpoints = all
			begin(gone)
			return nil
		}
		p.Endpoints = slices.DeleteFunc(slices.Clone(all), func(e backends.Endpoint) bool { return e.Addr == gone })
		end(gone)
		return nil
	}
	oldest := r.age[turn][0]
	addr, err := r.another(p.Family())
	if err != nil {
		return err
	}
	p.Endpoints = slices.Clone(p.Endpoints)
	e := &p.Endpoints[slices.IndexFunc(p.Endpoints, func(e backends.Endpoint) bool { return e.Addr == oldest })]
	e.Addr, e.Local = netip.AddrPortFrom(addr, oldest.Port()), false
	end(oldest)
	begin(e.Addr)
	r.age[turn] = append(r.age[turn][1:], e.Addr)
	slices.SortFunc(p.Endpoints, func(a, b backends.Endpoint) int { return a.Compare(&b) })
	return nil
}

// another is an address of an endpoint host that no endpoint has had.
func (r *churnRun) another(f backends.Family) (netip.Addr, error) {
	host := r.state.Node.EndpointHostCIDRs(f)[0]
	a, ok := r.fresh[f]
	if !ok {
		a = host.Addr()
	}
	for a = a.Next(); host.Contains(a); a = a.Next() {
		if !r.taken[a] {
			r.fresh[f] = a
			return a, nil
		}
	}
	return a, errors.New("the endpoint hosts have no more addresses; want a larger clusterCIDR")
}

// delta leads from what the backend was told to a State in which only the Services
// that change may differ. It costs nothing that grows with the others.
func (r *churnRun) delta(to *backends.State) *backends.Delta {
	d := &backends.Delta{From: r.now, To: to}
	for _, i := range slices.Sorted(slices.Values(r.at)) {
		old, now := &r.now.Services[i], &to.Services[i]
		if !slices.EqualFunc(old.Endpoints, now.Endpoints, func(a, b backends.Endpoint) bool { return a.Addr == b.Addr }) {
			d.Changes = append(d.Changes, backends.Change{Old: old, New: now})
		}
	}
	return d
}

// back leads to the State from which all began.
func (r *churnRun) back() *backends.Delta { return backends.Diff(r.now, r.state) }

// judged is how many questions ended how; the others are right.
type judged struct{ failed, misdirected, stale int }

// judge holds replies to what the endpoints were while each was on its way.
func (r *churnRun) judge(replies []asking.Reply) (j judged) {
	for _, q := range replies {
		if q.Lost {
			j.failed++
			continue
		}
		switch r.outcome(q) {
		case results.Stale:
			j.stale++
		case results.Misdirected:
			j.misdirected++
		}
	}
	return j
}

// outcome is what became of a question that was answered.
func (r *churnRun) outcome(q asking.Reply) results.Outcome {
	right, stale := false, false
	for _, s := range r.spans[q.Asked][q.Endpoint] {
		right = right || s.from <= q.At && q.Due < s.until
		stale = stale || s.from <= q.At && q.Due < s.made
	}
	switch {
	case right:
		return results.Answered
	case stale:
		return results.Stale
	}
	return results.Misdirected
}

// lags are the times from when each change was due until it was made, sorted.
func (r *churnRun) lags() []int64 {
	var lags []int64
	for _, c := range r.changes {
		lags = append(lags, c.complete-c.due)
	}
	slices.Sort(lags)
	return lags
}

// inconsistent is the share of the time in which a change was due and not made.
func (r *churnRun) inconsistent() float64 {
	var sum, until int64
	for _, c := range r.changes { // both times only grow
		sum += max(0, c.complete-max(c.due, until))
		until = c.complete
	}
	return float64(sum) / float64(max(until-r.start, int64(r.plan.Duration)))
}
