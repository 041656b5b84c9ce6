package probe

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// closed tells a loop in which an answer lets the next question go.
func (r *stream) closed() bool { return r.Interval == 0 }

// more tells whether there are questions left to ask.
func (r *stream) more() bool { return !r.enough && (r.Questions == 0 || r.counted < r.Questions) }

// pump sends what may be sent: of a closed loop the next question for each that is
// answered, of an open one what is due. Over flows that are kept a question waits for
// one that has none.
func (r *stream) pump() error {
	for !r.enough {
		full := len(r.open) >= r.Clients
		var due int64
		switch {
		case r.closed() && !full && r.more():
			r.counted++
			due = r.Now()
		case len(r.due) > 0 && (!r.Keep || !full):
			due, r.due = r.due[0], r.due[1:]
		default:
			return nil
		}
		if err := r.send(due); err != nil {
			return err
		}
	}
	return nil
}

// keep opens the flows that stay open, and asks each once: what a dataplane does for a
// flow's first packets is not in what follows.
func (r *stream) keep() error {
	if !r.Keep {
		return nil
	}
	for i := range r.Clients {
		f, err := r.answering(r.Targets[i%len(r.Targets)])
		if err != nil {
			return err
		}
		r.idle = append(r.idle, f.socket)
		if err := unix.SetNonblock(int(f.socket), true); err != nil {
			return fmt.Errorf("making a socket wait for nothing: %w", err)
		}
		if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, int(f.socket), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(f.socket)}); err != nil {
			return err
		}
	}
	return nil
}

// answering opens a flow that answers. What one that is lost costs is not a kept flow's.
func (r *stream) answering(t Target) (f *Flow, err error) {
	const tries = 3
	for range tries {
		if f, err = OpenFlow(t.Protocol, t.Addr, r.Patience); err != nil {
			continue
		}
		if _, err = f.Ask(); err == nil {
			return f, nil
		}
		f.Close()
	}
	return nil, err
}

// again asks over the flow that has been idle for longest.
func (r *stream) again(due int64) {
	var b [MessageSize]byte
	a := &asked{socket: r.idle[0]}
	r.idle = r.idle[1:]
	r.open[int32(a.socket)] = a
	r.queue = append(r.queue, a)
	a.reply.Due, a.reply.Sent = due, r.Now()
	if err := a.socket.send(&b); err != nil {
		r.end(a, err)
	}
}

// forget closes a flow that was kept and has ended while nobody asked over it.
func (r *stream) forget(s socket) {
	if i := slices.Index(r.idle, s); i >= 0 {
		r.idle = slices.Delete(r.idle, i, i+1)
		s.close()
	}
}

// Load runs the stream without the Go runtime in its way, and gives what each question
// took from when it was due, whenever it was sent, until its answer.
// It ends after Questions, or when each, if there is one, says so.
func (s Stream) Load(each func(Reply) (more bool)) (Latencies, error) {
	var l Latencies
	err := undisturbed(func() error {
		return s.Run(func(r Reply) bool {
			l.add(r.At-r.Due, r.Err)
			return each == nil || each(r)
		})
	})
	return l, err
}
