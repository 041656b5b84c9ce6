package measure

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/probe"
)

// effectWatch gathers the replies of a stream of connections to a ServicePort.
type effectWatch struct {
	port *backends.ServicePort
	warm chan struct{} // closed after effectiveBefore replies

	mu      sync.Mutex
	replies []probe.Reply
	stopped bool
}

func newEffectWatch(p *backends.ServicePort) *effectWatch {
	return &effectWatch{port: p, warm: make(chan struct{})}
}

// effect finds in the replies what a change did that began at start, and that was said
// to be complete after so many nanoseconds.
func (w *effectWatch) effect(ch change, start, complete int64) (e effect, err error) {
	e.complete = complete
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortFunc(w.replies, func(a, b probe.Reply) int { return int(a.Sent - b.Sent) })
	came := cameWith(ch, w.port)
	found := len(came) == 0
	for _, r := range w.replies {
		answers := func(o backends.Endpoint) bool { return o.Addr == r.Endpoint }
		switch {
		case r.Err == nil && !slices.ContainsFunc(w.port.Endpoints, answers):
			return e, fmt.Errorf("wrong dataplane: %s answers for Service %s and is none of its endpoints", r.Endpoint, w.port)
		case r.Sent < start:
		case r.Err != nil:
			if served(ch, w.port) {
				e.lost++
			}
		case slices.ContainsFunc(ch.gone, answers):
			e.effective = r.Sent - start
			if e.effective > complete+int64(effectiveAfter)/2 {
				return e, fmt.Errorf("wrong dataplane: %s still answers for Service %s %s after the change was said to be complete",
					r.Endpoint, w.port, time.Duration(e.effective-complete))
			}
		case !found && slices.ContainsFunc(came, answers):
			e.effective, found = r.Sent-start, true
		}
	}
	if !found {
		return e, errors.New("wrong dataplane: nothing that came with the change has answered")
	}
	return e, nil
}

// cameWith are the endpoints that a change brings.
func cameWith(ch change, p *backends.ServicePort) []backends.Endpoint {
	if len(ch.gone) > 0 {
		return nil
	}
	was := []backends.Endpoint{}
	for _, c := range ch.delta.Changes {
		if c.Old != nil {
			was = append(was, c.Old.Endpoints...)
		}
	}
	var came []backends.Endpoint
	for _, e := range p.Endpoints {
		if !slices.ContainsFunc(was, func(o backends.Endpoint) bool { return o.Addr == e.Addr }) {
			came = append(came, e)
		}
	}
	return came
}

// served says whether the Service has endpoints before and after the change.
func served(ch change, p *backends.ServicePort) bool {
	return len(ch.gone) < len(p.Endpoints) && len(cameWith(ch, p)) < len(p.Endpoints)
}

// reply takes a reply and says whether to go on.
func (w *effectWatch) reply(r probe.Reply) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replies = append(w.replies, r)
	if len(w.replies) == effectiveBefore {
		close(w.warm)
	}
	return !w.stopped
}

// stop ends the loop at its next reply.
func (w *effectWatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
}
