package probe

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Stream asks a target again and again, each time over a new flow, at times that are
// fixed beforehand: it is an open loop, in which no answer that is slow or missing puts
// off the next question.
type Stream struct {
	Target   Target
	Now      func() int64 // the clock
	Interval time.Duration
	Patience time.Duration // after which a question counts as lost
}

// Reply is what became of a question.
type Reply struct {
	Due  int64 // when it was to be sent, in readings of the clock
	Sent int64 // when it was
	At   int64 // when its answer came, or it was given up
	Answer
	Err error // why there is no answer
}

// asked is a question that is on its way.
type asked struct {
	reply   Reply
	socket  socket
	sending bool // its flow is not open yet
	over    bool
}

// Run asks until each, which is given every reply as it comes, says that it is enough.
// Questions that are on their way then are dropped.
func (s Stream) Run(each func(Reply) (more bool)) error {
	sa, err := newAddress(s.Target.Addr)
	if err != nil {
		return err
	}
	r := &stream{Stream: s, to: sa, each: each, open: map[int32]*asked{}}
	defer r.close()
	if err := r.begin(); err != nil {
		return fmt.Errorf("asking %s at a rate: %w", s.Target.Addr, err)
	}
	for !r.enough {
		if err := r.step(); err != nil {
			return fmt.Errorf("asking %s at a rate: %w", s.Target.Addr, err)
		}
	}
	return nil
}

// stream is a Stream that runs.
type stream struct {
	Stream
	to     *address
	each   func(Reply) bool
	enough bool

	epoll int
	timer ticker
	open  map[int32]*asked // by socket
	queue []*asked         // in the order of sending; some are over
}

func (r *stream) begin() (err error) {
	r.epoll, r.timer.fd = -1, -1
	if r.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if r.timer, err = newTicker(r.Now, r.Interval); err != nil {
		return err
	}
	return unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, r.timer.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(r.timer.fd)})
}

// step waits for the next thing to happen.
func (r *stream) step() error {
	var events [16]unix.EpollEvent
	n, err := unix.EpollWait(r.epoll, events[:], -1) // the timer ends it
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	for _, e := range events[:max(0, n)] {
		if e.Fd == int32(r.timer.fd) {
			if err := r.tick(); err != nil {
				return err
			}
		} else if a := r.open[e.Fd]; a != nil {
			r.progress(a)
		}
	}
	return nil
}

// tick sends the questions that are due, and gives up those that have waited enough.
func (r *stream) tick() error {
	if err := r.timer.read(); err != nil {
		return err
	}
	for len(r.queue) > 0 && (r.queue[0].over || r.Now()-r.queue[0].reply.Sent >= int64(r.Patience)) {
		if a := r.queue[0]; !a.over {
			r.end(a, unix.ETIMEDOUT)
		}
		r.queue = r.queue[1:]
	}
	for !r.enough {
		due, ok := r.timer.next()
		if !ok {
			break
		}
		if err := r.send(due); err != nil {
			return err
		}
	}
	return nil
}

// send opens a flow and begins to ask. What the network says is a reply, and what this
// machine cannot do an error.
func (r *stream) send(due int64) error {
	fd, err := open(r.Target.Protocol, r.Target.Addr.Addr(), r.Patience)
	if err != nil {
		return err
	}
	a := &asked{socket: fd, sending: true}
	if err := unix.SetNonblock(int(fd), true); err != nil {
		fd.close()
		return err
	}
	r.open[int32(fd)] = a
	r.queue = append(r.queue, a)
	a.reply.Due, a.reply.Sent = due, r.Now()
	if err := fd.connect(r.to); err != nil && !errors.Is(err, unix.ETIMEDOUT) { // which is what EINPROGRESS looks like
		r.end(a, err)
		return nil
	}
	return unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, int(fd), &unix.EpollEvent{Events: unix.EPOLLOUT, Fd: int32(fd)})
}

// progress does what a socket is ready for.
func (r *stream) progress(a *asked) {
	var b [MessageSize]byte
	if !a.sending {
		err := a.socket.receive(&b)
		if err == nil {
			a.reply.Answer, err = decode(b[:])
		}
		r.end(a, err)
		return
	}
	if err := a.socket.failure(); err != nil {
		r.end(a, err)
		return
	}
	if err := a.socket.send(&b); err != nil {
		r.end(a, err)
		return
	}
	a.sending = false
	if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_MOD, int(a.socket), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(a.socket)}); err != nil {
		r.end(a, err)
	}
}

// end closes a question's socket, with which epoll forgets it, and hands on its reply.
func (r *stream) end(a *asked, err error) {
	a.reply.At, a.reply.Err, a.over = r.Now(), err, true
	delete(r.open, int32(a.socket))
	a.socket.close()
	if !r.enough {
		r.enough = !r.each(a.reply)
	}
}

func (r *stream) close() {
	for _, a := range r.open {
		a.socket.close()
	}
	r.timer.close()
	if r.epoll >= 0 {
		_ = unix.Close(r.epoll) // nothing is written to it
	}
}
