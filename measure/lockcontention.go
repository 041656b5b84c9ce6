package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/results"
)

// LockContention is what syncs cost while a second writer holds the xtables lock for
// a share of each lockPeriod: the removal and the return of one endpoint
// (sync=partial), and a full sync over what is there (sync=full). Each is begun
// lockPhases times, at moments spread evenly over the period; the value is the median,
// the maximum stands beside it. A kind of sync that does not take the lock has no figure.
//
// The writer holds the lock and writes nothing. In the virtual clock idle time is apart
// as wait, as in Sync, of which the mean over the moments and the maximum are told; the few
// instructions of the writer itself are in the figure.
type LockContention struct{}

var _ Measurement = LockContention{}

const (
	// xtablesLock is where iptables-legacy locks unless XTABLES_LOCKFILE says otherwise.
	xtablesLock = "/run/xtables.lock"
	lockPeriod  = 20 * time.Millisecond
	lockPhases  = 5
	// lockBound is how long the writer waits for the lock: beyond kube-proxy's -w 5.
	lockBound = 6 * time.Second
)

// lockShares are the percentages of lockPeriod.
func lockShares() []int { return []int{0, 10, 50, 90} }

// Units implements Measurement.
func (LockContention) Units(clock lab.Clock) []results.Unit {
	units := []results.Unit{timeUnit(clock, "locked-"), timeUnit(clock, "max-locked-")}
	if clock == lab.Virtual {
		for _, name := range []string{"locked-wait-ns/op", "max-locked-wait-ns/op"} {
			units = append(units, results.Unit{Name: name, Better: results.Lower, Exact: true})
		}
	}
	return units
}

// lockedSync is a kind of sync; its calls lead back to the state.
type lockedSync struct {
	kind  string
	calls []func() error
}

// Measure implements Measurement.
func (LockContention) Measure(ctx context.Context, c *Cell, record func(results.Result)) error {
	if _, ok := c.Backend.(Killed); ok {
		return fmt.Errorf("%w: something runs for this backend, and takes locks when it wants", ErrNotApplicable)
	}
	if _, ok := c.Backend.(Judged); ok {
		return fmt.Errorf("%w: packets tell when this program is done, not its call", ErrNotApplicable)
	}
	syncs, err := locking(c.lockedSyncs(ctx))
	if err != nil {
		return err
	}
	if len(syncs) == 0 {
		return fmt.Errorf("%w: no sync of this backend takes %s", ErrNotApplicable, xtablesLock)
	}
	for _, held := range lockShares() {
		for _, s := range syncs {
			c.step("lockContention: %s, held %d %%", s.kind, held)
			var costs, waits []int64
			for phase := range lockPhases {
				for _, call := range s.calls {
					took, err := c.locked(call, held, lockPeriod*time.Duration(phase)/lockPhases)
					if err != nil {
						return fmt.Errorf("%s sync while %s is held for %d %% of the time: %w", s.kind, xtablesLock, held, err)
					}
					costs, waits = append(costs, took.work), append(waits, took.wait)
				}
			}
			record(c.lockedResult(s.kind, held, costs, waits))
		}
	}
	return c.Prove(ctx)
}

func (c *Cell) lockedResult(kind string, held int, costs, waits []int64) results.Result {
	r := c.result("LockContention", len(costs), results.Label{Key: "held", Value: strconv.Itoa(held)}, results.Label{Key: "sync", Value: kind})
	cost := spreadOf(probe.Latencies{Costs: costs}, c.Timeout)
	r.Samples = []results.Sample{
		{Value: float64(cost.Median), Unit: timeUnit(c.Clock, "locked-").Name},
		{Value: float64(cost.Max), Unit: timeUnit(c.Clock, "max-locked-").Name},
	}
	if c.Clock == lab.Virtual {
		total := int64(0)
		for _, wait := range waits {
			total += wait
		}
		r.Samples = append(r.Samples,
			results.Sample{Value: float64(total) / float64(len(waits)), Unit: "locked-wait-ns/op"},
			results.Sample{Value: float64(slices.Max(waits)), Unit: "max-locked-wait-ns/op"})
	}
	return r
}

// lockedSyncs are the kinds that the backend and the state know.
func (c *Cell) lockedSyncs(ctx context.Context) []lockedSync {
	syncs := []lockedSync{{"full", []func() error{func() error { return c.Backend.Sync(ctx, c.State) }}}}
	a, ok := c.Backend.(backends.Applier)
	at := ofSeveral(c.State, 0)
	if !ok || at < 0 {
		return syncs
	}
	partial := lockedSync{kind: "partial"}
	for _, ch := range changesOf(c.State, at)[0] {
		partial.calls = append(partial.calls, func() error { return a.Apply(ctx, ch.delta) })
	}
	return append(syncs, partial)
}

// locking are the kinds of sync that take the lock: its file, taken away before, is there again
// afterwards. Nobody may hold the lock then, or two could at once.
func locking(syncs []lockedSync) (those []lockedSync, err error) {
	for _, s := range syncs {
		w, err := holdLock(0)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(os.Remove(xtablesLock), w.stop()); err != nil {
			return nil, err
		}
		for _, call := range s.calls {
			if err := call(); err != nil {
				return nil, err
			}
		}
		switch _, err := os.Stat(xtablesLock); {
		case err == nil:
			those = append(those, s)
		case !errors.Is(err, os.ErrNotExist):
			return nil, err
		}
	}
	return those, nil
}

// locked is the cost of a call that begins so long after the writer took the lock.
func (c *Cell) locked(call func() error, held int, phase time.Duration) (syncCost, error) {
	settle()
	if held == 0 {
		return c.cost(call)
	}
	w, err := holdLock(lockPeriod * time.Duration(held) / 100)
	if err != nil {
		return syncCost{}, err
	}
	time.Sleep(phase)
	took, err := c.cost(call)
	return took, errors.Join(err, w.stop())
}

// lockWriter is the second writer.
type lockWriter struct {
	end  chan struct{}
	done chan error
}

// holdLock has the lock once it returns, and from then on for held of each lockPeriod; 0
// is until stop.
func holdLock(held time.Duration) (*lockWriter, error) {
	f, err := os.OpenFile(xtablesLock, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := &lockWriter{end: make(chan struct{}), done: make(chan error, 1)}
	has := make(chan struct{}, 1)
	go func() {
		defer f.Close()
		w.done <- w.write(int(f.Fd()), held, has)
	}()
	select {
	case <-has:
		return w, nil
	case err := <-w.done:
		return nil, err
	case <-time.After(lockBound):
		close(w.end) // it ends once it gets the lock
		return nil, notReleased()
	}
}

func notReleased() error {
	return fmt.Errorf("another process held %s for all of %v: end it", xtablesLock, lockBound)
}

func (w *lockWriter) write(fd int, held time.Duration, has chan<- struct{}) error {
	for {
		if err := flock(fd, unix.LOCK_EX); err != nil {
			return err
		}
		select {
		case has <- struct{}{}:
		default: // the first time tells it
		}
		if held == 0 {
			<-w.end
			return nil
		}
		time.Sleep(held)
		if err := flock(fd, unix.LOCK_UN); err != nil {
			return err
		}
		select {
		case <-w.end:
			return nil
		case <-time.After(lockPeriod - held):
		}
	}
}

// flock goes on when a signal, such as the Go scheduler's, interrupts it.
func flock(fd, how int) error {
	for {
		if err := unix.Flock(fd, how); err != unix.EINTR {
			return err
		}
	}
}

// stop ends the writer, which holds nothing afterwards.
func (w *lockWriter) stop() error {
	close(w.end)
	select {
	case err := <-w.done:
		return err
	case <-time.After(lockBound):
		return notReleased()
	}
}
