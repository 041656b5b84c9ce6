package measure

import (
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/svcmark/svcmark/lab/probe"
)

// gathered are the replies of an open loop of questions.
type gathered struct {
	warm chan struct{} // closed after effectiveBefore replies

	mu      sync.Mutex
	replies []probe.Reply
	stopped bool
}

// reply takes a reply and says whether to go on.
func (g *gathered) reply(r probe.Reply) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.replies = append(g.replies, r)
	if len(g.replies) == effectiveBefore {
		close(g.warm)
	}
	return !g.stopped
}

// stop ends the loop at its next reply.
func (g *gathered) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
}

// asker asks at a rate until each says that it is enough: a probe.Stream, a
// probe.Pulse.
type asker interface {
	Run(each func(probe.Reply) (more bool)) error
}

// openLoops are askers that go on beside what is measured.
type openLoops struct {
	loops []*gathered
	ended []chan error
	procs int // of the Go runtime, as they were
}

// openLoops starts askers at the client, and returns when each has had replies.
func (c *Cell) openLoops(askers ...asker) (*openLoops, error) {
	// Whoever comes out of a system call finds the runtime ready for it.
	o := &openLoops{procs: runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + len(askers))}
	for _, a := range askers {
		g, ended := &gathered{warm: make(chan struct{})}, make(chan error, 1)
		go func() {
			ended <- c.Topology.Client.Do(func() error { return a.Run(g.reply) })
		}()
		select {
		case <-g.warm:
			o.loops, o.ended = append(o.loops, g), append(o.ended, ended)
		case err := <-ended:
			_, endErr := o.end()
			return nil, errors.Join(err, endErr, errors.New("the questions ended before anything was measured"))
		}
	}
	return o, nil
}

// end stops the loops and gives the replies of each, in the order in which their
// questions were due.
func (o *openLoops) end() (replies [][]probe.Reply, err error) {
	for i, g := range o.loops {
		g.stop()
		err = errors.Join(err, <-o.ended[i])
		slices.SortStableFunc(g.replies, func(a, b probe.Reply) int { return int(a.Due - b.Due) })
		replies = append(replies, g.replies)
	}
	o.loops = nil
	runtime.GOMAXPROCS(o.procs)
	return replies, err
}
