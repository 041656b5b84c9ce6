package measure_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/results"
)

// late is a dataplane that is right and takes its time. It may say that it is done
// before it is.
type late struct {
	*nftables.Backend
	delay  time.Duration
	lies   bool
	behind chan error // what became of the last lie; nil before the first
	judge  backends.Judge
}

func (l *late) Apply(ctx context.Context, d *backends.Delta) error {
	if !l.lies {
		time.Sleep(l.delay)
		return l.Backend.Apply(ctx, d)
	}
	if l.behind != nil {
		if err := <-l.behind; err != nil {
			return err
		}
	}
	l.behind = make(chan error, 1)
	go func() {
		time.Sleep(l.delay)
		l.behind <- l.Backend.Apply(context.WithoutCancel(ctx), d)
	}()
	return nil
}

func (l *late) JudgeBy(j backends.Judge) { l.judge = j }

func lateCell(t *testing.T, l *late) *measure.Cell {
	t.Helper()
	l.Backend = nftables.New(nftables.Layout136)
	cell := testCell(t, l)
	if err := cell.Program(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Cleanup(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return cell
}

// values are a result's samples by their units, and its labels' values in a text.
func values(r results.Result) (string, map[string]float64) {
	m := map[string]float64{}
	for _, s := range r.Samples {
		m[s.Unit] = s.Value
	}
	var labels []string
	for _, l := range r.Labels {
		labels = append(labels, l.Value)
	}
	return strings.Join(labels, " "), m
}

// Nothing that a change brings is found by a packet before the change is made, and
// nothing that it takes away after it is done.
func TestTimeToEffective(t *testing.T) {
	const delay = 300 * time.Millisecond
	cell := lateCell(t, &late{delay: delay})
	seen, err := taken(t, measure.TimeToEffective{}, cell)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range seen {
		name, v := values(r)
		names = append(names, name)
		effective, complete := time.Duration(v["effective-ns"]), time.Duration(v["complete-ns"])
		switch {
		case complete < delay:
			t.Errorf("%s: complete after %s, and it took %s", name, complete, delay)
		case strings.HasPrefix(name, "add") && effective < delay:
			t.Errorf("%s: effective after %s, and the change was made after %s", name, effective, delay)
		case strings.HasPrefix(name, "remove") && effective >= complete:
			t.Errorf("%s: what went was reached %s after the change, which was complete after %s", name, effective, complete)
		case name == "removeService" && effective == 0:
			t.Errorf("%s: nobody has reached the Service, which was there for %s", name, delay)
		}
		if _, there := v["reported-ns"]; there {
			t.Errorf("%s: a backend without a program reports %v", name, v)
		}
	}
	if got := strings.Join(names, " "); got != "removeEndpoint addEndpoint removeService addService" {
		t.Errorf("changes %q", got)
	}
}

func TestTimeToEffectiveOfABackendThatLies(t *testing.T) {
	l := &late{delay: 500 * time.Millisecond, lies: true}
	_, err := taken(t, measure.TimeToEffective{}, lateCell(t, l))
	if err == nil || !strings.Contains(err.Error(), "removeEndpoint, 1 of 3: wrong dataplane") || !strings.Contains(err.Error(), "after the change was said to be complete") {
		t.Errorf("it passed: %v", err)
	}
	if err := <-l.behind; err != nil {
		t.Error(err)
	}
}

// The judge tells by packets what is so and what is not.
func TestJudge(t *testing.T) {
	l := &late{}
	cell := lateCell(t, l)
	p := &cell.State.Services[0]
	fewer, moved, none := *p, *p, *p
	fewer.Endpoints = p.Endpoints[:1]
	moved.Endpoints = cell.State.Services[1].Endpoints
	none.Endpoints = nil
	for _, c := range []struct {
		name   string
		change backends.Change
		want   string // in the error, "" for none
	}{
		{"is there", backends.Change{New: p}, ""},
		{"has all endpoints", backends.Change{Old: &fewer, New: p}, ""},
		{"has not gone", backends.Change{Old: p}, "still answers"},
		{"has not lost an endpoint", backends.Change{Old: p, New: &fewer}, "is none of its endpoints"},
		{"has not moved", backends.Change{New: &moved}, "is none of its endpoints"},
		{"has not lost all endpoints", backends.Change{Old: p, New: &none}, "still answers"},
	} {
		for _, thorough := range []bool{false, true} {
			err := l.judge(t.Context(), c.change, 3*time.Second, thorough)
			// An endpoint that is asked for twice is missed now and then: one that
			// should not answer any more, and one that should.
			missed := !thorough && (err == nil && c.name == "has not lost an endpoint" ||
				err != nil && c.name == "has all endpoints" && strings.HasSuffix(err.Error(), "does not answer for Service test/a yet"))
			if !missed && ((err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s, thorough %t: %v, want %q", c.name, thorough, err, c.want)
			}
		}
	}
	without := &backends.State{Node: cell.State.Node, Services: cell.State.Services[1:]}
	if err := l.Apply(t.Context(), backends.Diff(cell.State, without)); err != nil {
		t.Fatal(err)
	}
	if err := l.judge(t.Context(), backends.Change{Old: p}, time.Second, true); err != nil {
		t.Errorf("a Service that went: %v", err)
	}
	if err := l.judge(t.Context(), backends.Change{New: p}, time.Second, false); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("a Service that went is there: %v", err)
	}
}

// telling is a Backend whose program tells of itself.
type telling struct {
	beside
	reports []backends.SelfReport
}

func (b *telling) Report(context.Context) (backends.SelfReport, error) {
	if len(b.reports) == 0 {
		return backends.SelfReport{}, fmt.Errorf("asked too often")
	}
	r := b.reports[0]
	b.reports = b.reports[1:]
	return r, nil
}

func (*telling) Objects(context.Context) (map[string]int, error) {
	return map[string]int{"rules": 9}, nil
}

// What a program says is what it added, beside what was seen of the same.
func TestReported(t *testing.T) {
	b := &telling{reports: []backends.SelfReport{
		{Syncs: 1, Syncing: 0.25, CPU: 1, Resident: 5, Rules: 7}, {Syncs: 3, Syncing: 0.75, CPU: 3, Resident: 6, Rules: 8},
	}}
	b.pid = 1
	cell := testCell(t, b)
	before := lab.Now()
	if err := cell.Program(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := float64(lab.Now() - before)
	seen, err := taken(t, measure.Reported{}, cell)
	if err != nil || len(seen) != 1 {
		t.Fatal(seen, err)
	}
	_, v := values(seen[0])
	for unit, want := range map[string]float64{
		"reported-syncs": 2, "reported-sync-ns": 0.5e9, "reported-cpu-ns": 2e9, "reported-resident-B": 6, "reported-rules": 8, "seen-rules": 9,
	} {
		if v[unit] != want {
			t.Errorf("%s is %v, want %v", unit, v[unit], want)
		}
	}
	if v["seen-sync-ns"] <= 0 || v["seen-sync-ns"] > all || v["seen-resident-B"] <= 0 {
		t.Errorf("seen: %v", v)
	}
}

func TestReportedOfABackendWithoutAProgram(t *testing.T) {
	if _, err := taken(t, measure.Reported{}, testCell(t, dialed{target: right})); err == nil || !strings.Contains(err.Error(), "not applicable") {
		t.Errorf("a backend without a program: %v", err)
	}
}
