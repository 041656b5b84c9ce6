package asking

import (
	"io"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/lab/probe"
)

// asked is a loop whose questions are due at 10, 20, ... and that has had replies to
// some, in this order; more is what it said last.
func asked(l *loop, due ...int64) (more bool) {
	for _, d := range due {
		more = l.take(probe.Reply{Due: d})
	}
	return more
}

func newLoop() *loop { return &loop{interval: 10, patience: 50, warm: make(chan struct{})} }

// A loop goes on until every question that was due by its end has a reply, in whatever
// order they come, and has none that was due later.
func TestLoopEndsWhole(t *testing.T) {
	l := newLoop()
	if !asked(l, 20, 10, 30, 40, 60) {
		t.Error("it ended before its end was known")
	}
	l.stop(55)
	if l.whole() {
		t.Error("the question of 50 has no reply")
	}
	if !asked(l, 70) || asked(l, 50) {
		t.Error("it did not end with the reply to the last that was missing")
	}
	if len(l.replies) != 5 || !l.whole() {
		t.Errorf("replies %v", l.replies)
	}
}

// What never comes does not keep it for ever.
func TestLoopEndsWithAHole(t *testing.T) {
	l := newLoop()
	asked(l, 10, 20, 30, 50, 60)
	l.stop(65)
	if !asked(l, 160) || asked(l, 170) || l.whole() {
		t.Error("it did not end twice its patience after its end, or has all")
	}
}

func TestServeRefuses(t *testing.T) {
	for job, want := range map[string]string{"": "reading what to ask", "{\n": "reading what to ask", "[{}]\n": "asker 1 of 1 has no target"} {
		if err := Serve(strings.NewReader(job), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", job, err, want)
		}
	}
}
