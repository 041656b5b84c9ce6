package measure_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/results"
)

// resyncing is a dataplane that is right once it is programmed, and does something
// first each time that it is synced again.
type resyncing struct {
	*nftables.Backend
	synced bool
	first  func(context.Context, *nftables.Backend, *backends.State) error
}

func (r *resyncing) Sync(ctx context.Context, s *backends.State) error {
	if r.synced && r.first != nil {
		if err := r.first(ctx, r.Backend, s); err != nil {
			return err
		}
		time.Sleep(30 * time.Millisecond)
	}
	r.synced = true
	return r.Backend.Sync(ctx, s)
}

// during is what DuringSync finds, by labels and unit.
func during(t *testing.T, first func(context.Context, *nftables.Backend, *backends.State) error) map[string]map[string]float64 {
	t.Helper()
	cell := programmed(t, func() backends.Backend { return &resyncing{Backend: nftables.New(nftables.Layout136), first: first} })
	cell.Clock = clockHere()
	rs, err := taken(t, measure.DuringSync{}, cell)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]float64{}
	for _, r := range rs {
		labels, v := values(r)
		all[labels] = v
	}
	return all
}

// Of a right dataplane no question is lost, and all phases have questions of every kind.
func TestDuringSync(t *testing.T) {
	all := during(t, nil)
	for _, kind := range []string{"tcp new", "tcp open", "udp new"} {
		for _, phase := range []string{"before", "full", "partial"} {
			found := false
			for labels, v := range all {
				if !strings.HasSuffix(labels, kind+" "+phase) {
					continue
				}
				found = true
				unit := clockHere().TimeUnit()
				if exactHere() && v["lost/op"] > 0 || v["misdirected/op"] != 0 || !(v["p50-"+unit] > 0 && v["p50-"+unit] <= v["p99-"+unit] && v["p99-"+unit] <= v["max-"+unit]) {
					t.Errorf("%s: %v", labels, v)
				}
			}
			if !found {
				t.Errorf("nothing was seen of %s %s", kind, phase)
			}
		}
	}
}

// One that takes its rules away before it makes them anew loses questions meanwhile, and
// only then.
func TestDuringSyncSeesAGap(t *testing.T) {
	if !exactHere() {
		return
	}
	for labels, v := range during(t, func(ctx context.Context, b *nftables.Backend, _ *backends.State) error { return b.Cleanup(ctx) }) {
		if strings.Contains(labels, "open") {
			continue // the kernel knows where it goes by itself
		}
		if full := strings.HasSuffix(labels, "new full"); (v["lost/op"] > 0) != full {
			t.Errorf("%s: %v lost", labels, v["lost/op"])
		}
	}
}

// Timelines show that each question that was lost was due while a sync ran, or so short
// before that it was still on its way.
func TestDuringSyncTimeline(t *testing.T) {
	if !exactHere() {
		return
	}
	cell := programmed(t, func() backends.Backend {
		return &resyncing{Backend: nftables.New(nftables.Layout136), first: func(ctx context.Context, b *nftables.Backend, _ *backends.State) error { return b.Cleanup(ctx) }}
	})
	cell.Clock = clockHere()
	rs, err := taken(t, measure.DuringSync{}, cell)
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, r := range rs {
		tl := r.Timeline
		if tl == nil || len(tl.Operations) == 0 || tl.Total < r.N || (len(tl.Syncs) > 0) == (r.Label("phase") == "before") {
			t.Fatalf("%s: timeline %+v", r.Name(), tl)
		}
		for _, o := range tl.Operations {
			if o.Outcome != results.Lost { // few are refused after the gap, too
				continue
			}
			lost++
			if !slices.ContainsFunc(tl.Syncs, func(s results.SyncMark) bool { return o.Due < s.To && o.Due+o.Took > s.From }) {
				t.Errorf("%s: %+v, and no sync of %v", r.Name(), o, tl.Syncs)
			}
		}
	}
	if lost == 0 {
		t.Error("no timeline has what was lost")
	}
}

// One that lets a Service have another's endpoints for a moment misdirects.
func TestDuringSyncSeesAWrongEndpoint(t *testing.T) {
	if !exactHere() {
		return
	}
	wrong := 0.0
	for labels, v := range during(t, func(ctx context.Context, b *nftables.Backend, s *backends.State) error {
		other := *s
		other.Services = append([]backends.ServicePort(nil), s.Services...)
		for i := range other.Services {
			other.Services[i].Endpoints = s.Services[(i+1)%len(s.Services)].Endpoints
		}
		return b.Sync(ctx, &other)
	}) {
		if strings.HasSuffix(labels, "new full") {
			wrong += v["misdirected/op"]
		} else if v["misdirected/op"] > 0 {
			t.Errorf("%s: %v misdirected", labels, v["misdirected/op"])
		}
	}
	if wrong == 0 {
		t.Error("nobody has seen the wrong endpoints")
	}
}

func TestDuringSyncWhereItSaysNothing(t *testing.T) {
	if _, err := taken(t, measure.DuringSync{}, testCell(t, dialed{target: right})); !errors.Is(err, measure.ErrNotApplicable) {
		t.Errorf("where clients dial endpoints: %v", err)
	}
}

// On the virtual clock's one processor a question waits for what lets nobody interrupt
// it, as long as that takes, and not for a sync that is busy.
func TestDuringSyncOnOneProcessor(t *testing.T) {
	if !exactHere() {
		return
	}
	const busy, urgent = 30 * time.Millisecond, 6 * time.Millisecond
	spin := func(d time.Duration) {
		for end := lab.Now() + int64(d); lab.Now() < end; {
		}
	}
	longest := func(name string, first func(context.Context, *nftables.Backend, *backends.State) error) (took float64) {
		t.Run(name, func(t *testing.T) {
			for labels, v := range during(t, first) {
				if v["lost/op"]+v["misdirected/op"] > 0 {
					t.Errorf("%s: %v", labels, v)
				}
				if strings.HasSuffix(labels, "tcp new full") {
					took = v["max-"+clockHere().TimeUnit()]
				}
			}
		})
		return took
	}
	waited := longest("busy", func(context.Context, *nftables.Backend, *backends.State) error {
		spin(busy)
		return nil
	})
	held := longest("urgent", func(context.Context, *nftables.Backend, *backends.State) error {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with its policy
			done <- unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 2}, 0)
			spin(urgent)
			done <- nil
		}()
		return errors.Join(<-done, <-done)
	})
	t.Logf("a busy sync: %.0f; one that nobody interrupts: %.0f", waited, held)
	if waited >= float64(busy)/4 {
		t.Errorf("a question waited %.0f for a sync that is busy", waited)
	}
	if took := held - waited; held < float64(urgent-2*time.Millisecond) || took > float64(urgent+2*time.Millisecond) {
		t.Errorf("the longest wait is %.0f, %.0f more than without: it was held up for %d", held, took, urgent)
	}
}
