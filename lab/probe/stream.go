package probe

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Stream asks a target again and again, each time over a new flow, at times that are
// fixed beforehand: it is an open loop, in which no answer that is slow or missing puts
// off the next question. With no Interval it is a closed loop, in which each answer lets
// the next question go.
type Stream struct {
	Target   Target
	Targets  []Target     // asked in turn instead of Target, if there are any
	Now      func() int64 // the clock
	Interval time.Duration
	Patience time.Duration // after which a question counts as lost

	Clients   int          // how many questions of a closed loop are on their way at a time
	Keep      bool         // asks over Clients flows that stay open and were asked once before
	Questions int          // how many are asked, and all waited for; 0 is as many as each wants
	Begin     func() error // if set, is called when all is ready for the first
}

// Reply is what became of a question.
type Reply struct {
	Due   int64 // when it was to be sent, in readings of the clock
	Sent  int64 // when it was
	At    int64 // when its answer came, or it was given up
	Asked int   // the index of its target
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
	if len(s.Targets) == 0 {
		s.Targets = []Target{s.Target}
	}
	r := &stream{Stream: s, each: each, open: map[int32]*asked{}, ports: map[portUse]bool{}}
	for _, t := range s.Targets {
		sa, err := newAddress(t.Addr)
		if err != nil {
			return err
		}
		r.to = append(r.to, sa)
	}
	defer r.close()
	if err := r.begin(); err != nil {
		return fmt.Errorf("asking %s: %w", s.Targets[0].Addr, err)
	}
	for !r.enough {
		if err := r.step(); err != nil {
			return fmt.Errorf("asking %s: %w", s.Targets[0].Addr, err)
		}
	}
	return nil
}

// stream is a Stream that runs.
type stream struct {
	Stream
	to     []*address
	each   func(Reply) bool
	enough bool

	epoll, timer int
	start        int64
	due          []int64          // when questions that wait to be sent were to be
	counted      int              // questions that were due so far
	sent         int              // of them
	replies      int              // to them
	open         map[int32]*asked // by socket
	idle         []socket         // flows that are kept and have no question
	queue        []*asked         // in the order of sending; some are over
	ports        map[portUse]bool // that UDP questions had
}

func (r *stream) begin() (err error) {
	r.epoll, r.timer = -1, -1
	if r.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if r.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return err
	}
	if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, r.timer, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(r.timer)}); err != nil {
		return err
	}
	if err := r.keep(); err != nil {
		return err
	}
	if r.Begin != nil {
		if err := r.Begin(); err != nil {
			return err
		}
	}
	every := unix.NsecToTimespec(r.period())
	r.start = r.Now()
	if err := unix.TimerfdSettime(r.timer, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil); err != nil {
		return err
	}
	return r.pump()
}

// period is the time between two readings of the timer in nanoseconds; 0 would switch
// it off. A closed loop needs it to give up only.
func (r *stream) period() int64 {
	if r.closed() {
		return max(int64(r.Patience)/4, 1)
	}
	return int64(max(r.Interval, time.Microsecond))
}

// step waits for the next thing to happen.
func (r *stream) step() error {
	var events [16]unix.EpollEvent
	n, err := unix.EpollWait(r.epoll, events[:], -1) // the timer ends it
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	for _, e := range events[:max(0, n)] {
		if e.Fd == int32(r.timer) {
			if err := r.tick(); err != nil {
				return err
			}
		} else if a := r.open[e.Fd]; a != nil {
			r.progress(a)
		} else {
			r.forget(socket(e.Fd))
		}
	}
	return r.pump()
}

// tick sends the questions that are due, and gives up those that have waited enough.
func (r *stream) tick() error {
	var b [8]byte
	if _, err := unix.Read(r.timer, b[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
		return err
	}
	for len(r.queue) > 0 && (r.queue[0].over || r.Now()-r.queue[0].reply.Sent >= int64(r.Patience)) {
		if a := r.queue[0]; !a.over {
			r.end(a, unix.ETIMEDOUT)
		}
		r.queue = r.queue[1:]
	}
	if r.closed() {
		return nil
	}
	for due := r.start + int64(r.counted+1)*r.period(); due <= r.Now() && r.more(); due += r.period() {
		r.counted++
		r.due = append(r.due, due)
	}
	return nil
}

// send asks over a flow that is kept, or opens one and begins to ask. What the network
// says is a reply, and what this machine cannot do an error.
func (r *stream) send(due int64) error {
	if len(r.idle) > 0 {
		r.sent++
		r.again(due)
		return nil
	}
	i := r.sent % len(r.to)
	r.sent++
	a := &asked{sending: true}
	a.reply.Due, a.reply.Asked = due, i
	said, err := r.fresh(a)
	if err != nil {
		return err
	}
	fd := a.socket
	r.open[int32(fd)] = a
	r.queue = append(r.queue, a)
	if said != nil && !errors.Is(said, unix.ETIMEDOUT) { // which is what EINPROGRESS looks like
		r.end(a, said)
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

// end closes a question's socket, with which epoll forgets it, unless it is kept, and
// hands on its reply.
func (r *stream) end(a *asked, err error) {
	a.reply.At, a.reply.Err, a.over = r.Now(), err, true
	delete(r.open, int32(a.socket))
	if r.Keep && err == nil {
		r.idle = append(r.idle, a.socket)
	} else {
		a.socket.close()
	}
	r.replies++
	if !r.enough {
		r.enough = !r.each(a.reply) || r.replies == r.Questions
	}
}

func (r *stream) close() {
	for _, a := range r.open {
		a.socket.close()
	}
	for _, s := range r.idle {
		s.close()
	}
	for _, fd := range []int{r.epoll, r.timer} {
		if fd >= 0 {
			_ = unix.Close(fd) // nothing is written to it
		}
	}
}
