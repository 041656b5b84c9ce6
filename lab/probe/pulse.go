package probe

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Pulse is a Stream over one flow that stays open: its questions are due at times that
// are fixed beforehand, and each is sent whether those before were answered or not.
//
// Replies are given to questions in their order. TCP keeps it. A datagram that is lost
// shows as one question without a reply, not always the one that it was; a reply that
// comes after its question was given up is taken for the next one's.
type Pulse struct {
	Stream
	// Source is where the flow comes from; a zero port is any, and the zero AddrPort
	// leaves both to the kernel.
	Source netip.AddrPort
}

// pulse is a Pulse that runs.
type pulse struct {
	Pulse
	timer   ticker
	flow    *Flow // nil while it is broken
	waiting []*asked
}

// Run asks until each, which is given every reply as it comes, says that it is enough.
// Questions that are on their way then are dropped. A connection that breaks takes the
// questions on it with it, and is opened again for the next.
func (s Pulse) Run(each func(Reply) (more bool)) (err error) {
	p := &pulse{Pulse: s}
	if p.timer, err = newTicker(s.Now, s.Interval); err != nil {
		return fmt.Errorf("asking %s at a rate: %w", s.Target.Addr, err)
	}
	defer p.timer.close()
	defer p.hangUp()
	for {
		over, err := p.step()
		if err != nil {
			return fmt.Errorf("asking %s at a rate: %w", s.Target.Addr, err)
		}
		for _, r := range over {
			if !each(r) {
				return nil
			}
		}
	}
}

// step waits for the next thing to happen, and gives what is over.
func (p *pulse) step() (over []Reply, err error) {
	fds := []unix.PollFd{{Fd: int32(p.timer.fd), Events: unix.POLLIN}}
	if p.flow != nil {
		fds = append(fds, unix.PollFd{Fd: int32(p.flow.socket), Events: unix.POLLIN})
	}
	if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
		return nil, err
	}
	if len(fds) > 1 && fds[1].Revents != 0 {
		over = p.receive(over)
	}
	if fds[0].Revents == 0 {
		return over, nil
	}
	if err := p.timer.read(); err != nil {
		return over, err
	}
	over = p.giveUp(over)
	for due, ok := p.timer.next(); ok; due, ok = p.timer.next() {
		over = p.send(due, over)
	}
	return over, nil
}

// receive takes the replies that have come.
func (p *pulse) receive(over []Reply) []Reply {
	for {
		var b [MessageSize]byte
		err := p.flow.socket.receive(&b)
		if errors.Is(err, unix.ETIMEDOUT) { // there is no more
			return over
		}
		var a Answer
		if err == nil {
			a, err = decode(b[:])
		} else if p.flow.stream {
			return p.broken(err, over)
		}
		if len(p.waiting) == 0 {
			continue // its question was given up
		}
		q := p.waiting[0]
		p.waiting = p.waiting[1:]
		if !q.over {
			q.reply.At, q.reply.Answer, q.reply.Err = p.Now(), a, err
			over = append(over, q.reply)
		}
	}
}

// broken ends a connection and all that is asked over it.
func (p *pulse) broken(err error, over []Reply) []Reply {
	for _, q := range p.waiting {
		if !q.over {
			q.reply.At, q.reply.Err = p.Now(), err
			over = append(over, q.reply)
		}
	}
	p.hangUp()
	return over
}

func (p *pulse) hangUp() {
	if p.flow != nil {
		p.flow.Close()
	}
	p.flow, p.waiting = nil, nil
}

// giveUp ends the questions that have waited enough. On a connection their replies may
// still come, and must not be taken for those of others.
func (p *pulse) giveUp(over []Reply) []Reply {
	kept := p.waiting[:0:0]
	for _, q := range p.waiting {
		if !q.over && p.Now()-q.reply.Sent >= int64(p.Patience) {
			q.reply.At, q.reply.Err, q.over = p.Now(), unix.ETIMEDOUT, true
			over = append(over, q.reply)
		}
		if !q.over || p.flow.stream {
			kept = append(kept, q)
		}
	}
	p.waiting = kept
	return over
}

func (p *pulse) send(due int64, over []Reply) []Reply {
	q := &asked{reply: Reply{Due: due, Sent: p.Now()}}
	if p.flow == nil {
		f, err := openFlow(p.Source, p.Target.Protocol, p.Target.Addr, p.Patience)
		if err == nil {
			p.flow, err = f, unix.SetNonblock(int(f.socket), true)
		}
		if err != nil {
			q.reply.At, q.reply.Err = p.Now(), err
			return append(over, q.reply)
		}
	}
	var b [MessageSize]byte
	p.waiting = append(p.waiting, q)
	switch err := p.flow.socket.send(&b); {
	case err == nil:
	case p.flow.stream:
		return p.broken(err, over)
	default: // that of a datagram before, or its own
		p.waiting = p.waiting[:len(p.waiting)-1]
		q.reply.At, q.reply.Err = p.Now(), err
		over = append(over, q.reply)
	}
	return over
}
