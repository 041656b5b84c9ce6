// Package asking is the client that goes on asking while something else is measured:
// one process, in which each Asker has a thread. It is a process and not a goroutine so
// that nothing which it shares with whoever changes the dataplane, neither a runtime's
// locks nor its garbage, makes a question late.
package asking

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab/probe"
)

// Verb is the argument with which a program that holds a lab starts itself again as
// such a client.
const Verb = "asking-client"

// Ready is the line that Serve writes once each Asker has had Warm replies.
const (
	Ready = "ready"
	Warm  = 5
)

// Asker asks its targets in turn at an interval, whatever becomes of the questions before.
type Asker struct {
	Targets            []probe.Target
	Open               bool // over one flow to the first that stays open (probe.Pulse), not over a new one each time
	Interval, Patience time.Duration
}

// Reply is a probe.Reply to an Asker. Times are readings of CLOCK_MONOTONIC in
// nanoseconds, which all processes of a kernel share.
type Reply struct {
	Due      int64          `json:"due"`
	At       int64          `json:"at"`
	Asked    int            `json:"asked,omitempty"` // the index of its target
	Endpoint netip.AddrPort `json:"endpoint"`
	Lost     bool           `json:"lost,omitempty"`    // there was no answer
	Refused  bool           `json:"refused,omitempty"` // it is Lost because somebody has refused it
}

// Serve reads one line of JSON (a list of Asker) from in, starts to ask, writes a line
// of Ready to out, and asks until in ends. When all questions that were due by then have
// had a reply or were given up, it writes the replies to each, in the order in which
// their questions were due: a list of lists of Reply, as JSON.
func Serve(in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading what to ask: %w", err)
	}
	var askers []Asker
	if err := json.Unmarshal(line, &askers); err != nil {
		return fmt.Errorf("reading what to ask: %w", err)
	}
	for i := range askers {
		if len(askers[i].Targets) == 0 {
			return fmt.Errorf("asker %d of %d has no target", i+1, len(askers))
		}
	}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + len(askers)) // who comes out of a system call finds the runtime ready for it
	loops := make([]*loop, len(askers))
	ended := make(chan error, len(askers))
	for i, a := range askers {
		loops[i] = &loop{interval: int64(a.Interval), patience: int64(a.Patience), warm: make(chan struct{})}
		go func() {
			runtime.LockOSThread()
			ended <- a.run(loops[i].take)
		}()
		select {
		case <-loops[i].warm:
		case err := <-ended:
			return errors.Join(err, errors.New("the questions ended before anything was measured"))
		}
	}
	if _, err := fmt.Fprintf(out, "%q\n", Ready); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, r)
	replies := make([][]Reply, len(askers))
	end := Monotonic()
	for _, l := range loops {
		l.stop(end)
	}
	for range loops {
		err = errors.Join(err, <-ended)
	}
	for i, l := range loops {
		if !l.whole() {
			err = errors.Join(err, fmt.Errorf("asker %d of %d has questions without a reply", i+1, len(loops)))
		}
		slices.SortStableFunc(l.replies, func(a, b Reply) int { return int(a.Due - b.Due) })
		replies[i] = l.replies
	}
	return errors.Join(err, json.NewEncoder(out).Encode(replies))
}

func (a Asker) run(each func(probe.Reply) bool) error {
	s := probe.Stream{Target: a.Targets[0], Targets: a.Targets, Now: Monotonic, Interval: a.Interval, Patience: a.Patience}
	if a.Open {
		return probe.Pulse{Stream: s}.Run(each)
	}
	return s.Run(each)
}

// loop are the replies to an Asker so far.
type loop struct {
	interval, patience int64

	warm chan struct{} // closed after Warm replies

	mu      sync.Mutex
	replies []Reply
	end     int64 // 0 before it is known: questions that are due later are none
}

// take takes a reply and says whether to go on: until the loop is whole, or a question
// has been answered that was due so late that what is missing never comes.
func (l *loop) take(r probe.Reply) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == 0 || r.Due <= l.end {
		l.replies = append(l.replies, Reply{Due: r.Due, At: r.At, Asked: r.Asked, Endpoint: r.Endpoint, Lost: r.Err != nil, Refused: errors.Is(r.Err, unix.ECONNREFUSED)})
	}
	if l.end == 0 && len(l.replies) == Warm { // once: from its end on replies are taken out again
		close(l.warm)
	}
	return l.end == 0 || !l.whole() && r.Due <= l.end+2*l.patience
}

// whole says whether every question that was due by the end has its reply. They are
// due at the interval, and the first of them has had its own long ago.
func (l *loop) whole() bool {
	first := l.replies[0].Due
	for _, r := range l.replies {
		first = min(first, r.Due)
	}
	return int64(len(l.replies)) > (l.end-first)/l.interval
}

// stop has the loop end when it is whole.
func (l *loop) stop(end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end = end
	l.replies = slices.DeleteFunc(l.replies, func(r Reply) bool { return r.Due > end })
}
