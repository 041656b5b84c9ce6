package nlbatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

const (
	headerLen = unix.NLMSG_HDRLEN

	// batchLimit is how long a datagram grows before it is sent, in bytes. A
	// full sync's cost differs by less than 2 % from 16 to 256 KiB.
	batchLimit = 32 << 10
	// requestLimit is the longest single request: attributes have 16-bit
	// lengths.
	requestLimit = 1<<16 - 1
	// recvLen is what the kernel fills in one go for a dump, at most.
	recvLen = 32 << 10
)

// Conn is a netlink socket with a batch of requests that grows until it is
// worth a system call. Requests are built in place:
//
//	c.Begin(type, flags)
//	c.Raw(familyHeader)
//	c.U32(attr, value)
//	err := c.End()
//
// A Conn is used by one goroutine at a time.
type Conn struct {
	sock  Socket
	buf   []byte // the batch: whole requests, then the one being built
	open  int    // offset in buf of the request being built or built last
	seq   uint32 // of that request
	first uint32 // of the first request in buf
	reply []byte
}

// Dial opens a socket of a netlink protocol (unix.NETLINK_GENERIC, …) in the
// network namespace of the calling thread.
func Dial(protocol int) (*Conn, error) {
	s, err := dial(protocol)
	if err != nil {
		return nil, err
	}
	return New(s), nil
}

// New makes a Conn of a socket, which Close closes.
func New(s Socket) *Conn {
	return &Conn{sock: s, buf: make([]byte, 0, batchLimit+requestLimit), reply: make([]byte, recvLen)}
}

// Close closes the socket. Requests that were not flushed are not sent.
func (c *Conn) Close() error { return c.sock.Close() }

// Begin starts a request. NLM_F_REQUEST is set.
func (c *Conn) Begin(typ, flags uint16) {
	c.seq++
	if len(c.buf) == 0 {
		c.first = c.seq
	}
	c.open = len(c.buf)
	c.buf = append(c.buf, 0, 0, 0, 0)
	c.buf = binary.NativeEndian.AppendUint16(c.buf, typ)
	c.buf = binary.NativeEndian.AppendUint16(c.buf, flags|unix.NLM_F_REQUEST)
	c.buf = binary.NativeEndian.AppendUint32(c.buf, c.seq)
	c.buf = append(c.buf, 0, 0, 0, 0)
}

// Len is the length of the request being built, in bytes.
func (c *Conn) Len() int { return len(c.buf) - c.open }

// End finishes the request that Begin started, and sends the batch once it is
// long enough: its error is then Flush's. A request that is too long for
// netlink is taken out of the batch and returned as a BatchError.
func (c *Conn) End() error {
	if err := c.seal(); err != nil {
		return err
	}
	if len(c.buf) >= batchLimit {
		return c.Flush()
	}
	return nil
}

func (c *Conn) seal() error {
	n := c.Len()
	if n > requestLimit {
		tooLong := &BatchError{Count: 1, Refusals: []Refusal{{Errno: unix.EMSGSIZE, Request: append([]byte(nil), c.buf[c.open:]...)}}}
		c.buf = c.buf[:c.open]
		c.seq--
		return tooLong
	}
	binary.NativeEndian.PutUint32(c.buf[c.open:], uint32(n))
	return nil
}

// Flush sends what End left unsent. It returns nil when the kernel did all of
// it, and a *BatchError that holds each refused request otherwise. Requests
// after a refused one are done nevertheless.
func (c *Conn) Flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	last := c.open
	flags := binary.NativeEndian.Uint16(c.buf[last+6:])
	binary.NativeEndian.PutUint16(c.buf[last+6:], flags|unix.NLM_F_ACK)
	defer c.reset()
	if err := c.send(); err != nil {
		return fmt.Errorf("sending %d netlink requests (%d bytes): %w", c.seq-c.first+1, len(c.buf), err)
	}
	return c.collect()
}

func (c *Conn) reset() {
	c.buf = c.buf[:0]
	c.open = 0
}

// send and recv try again when a signal came in between: Go's own preempts
// threads.
func (c *Conn) send() error {
	for {
		if err := c.sock.Send(c.buf); err != unix.EINTR {
			return err
		}
	}
}

func (c *Conn) recv() (int, error) {
	for {
		if n, err := c.sock.Recv(c.reply); err != unix.EINTR {
			return n, err
		}
	}
}

// collect reads what the kernel answered to the batch in buf.
func (c *Conn) collect() error {
	var failed BatchError
	for acked := false; !acked || failed.Lost; {
		n, err := c.recv()
		switch {
		case err == unix.EAGAIN && failed.Lost:
			return &failed
		case err == unix.EAGAIN:
			return failed.or(fmt.Errorf("the kernel stopped reading a batch of %d netlink requests before its end", c.seq-c.first+1))
		case err == unix.ENOBUFS:
			// The queue overflowed. The rest of it must be drained, or the
			// socket stays deaf.
			failed.Lost = true
			continue
		case err != nil:
			return failed.or(fmt.Errorf("reading netlink replies: %w", err))
		case n > len(c.reply):
			// Only a refusal with a copy of a long request is that long:
			// its head is enough.
			n = len(c.reply)
		}
		err = eachMessage(c.reply[:n], func(m message) error {
			if m.typ != unix.NLMSG_ERROR || m.seq-c.first > c.seq-c.first {
				return nil // a broadcast, or a late answer to an earlier batch
			}
			errno, err := m.errno()
			if err != nil {
				return err
			}
			if errno != 0 {
				failed.add(c.refusal(m, errno))
			}
			acked = acked || m.seq == c.seq
			return nil
		})
		if err != nil {
			return failed.or(err)
		}
	}
	return failed.or(nil)
}

// refusal builds the Refusal of the request that message m refuses.
func (c *Conn) refusal(m message, errno unix.Errno) Refusal {
	r := Refusal{Errno: errno, Detail: m.detail(), Echo: m.echo()}
	_ = eachMessage(c.buf, func(request message) error {
		if request.seq != m.seq {
			return nil
		}
		r.Request = append([]byte(nil), request.whole...)
		return io.EOF
	})
	return r
}

// ErrInterrupted says that what was dumped changed meanwhile: ask again.
var ErrInterrupted = errors.New("netlink dump interrupted by a change")

// Query sends the one request that was begun, without End, and hands each
// message of the answer to visit until the kernel says it was the last. A
// request without NLM_F_DUMP gets NLM_F_ACK, so that it has an end too. The
// payload is valid during the call only. A refusal is the errno that the
// kernel gave; a batch that waits is not sent, it is a mistake of the caller.
func (c *Conn) Query(visit func(typ uint16, payload []byte) error) error {
	if c.open != 0 {
		return fmt.Errorf("netlink query behind %d unsent requests", c.seq-c.first)
	}
	if err := c.seal(); err != nil {
		return err
	}
	defer c.reset()
	flags := binary.NativeEndian.Uint16(c.buf[6:])
	if flags&unix.NLM_F_DUMP != unix.NLM_F_DUMP {
		binary.NativeEndian.PutUint16(c.buf[6:], flags|unix.NLM_F_ACK)
	}
	if err := c.send(); err != nil {
		return fmt.Errorf("sending a netlink query: %w", err)
	}
	interrupted := false
	var failure error // what visit said: the rest is drained all the same
	for done := false; !done; {
		n, err := c.recv()
		if err != nil {
			return fmt.Errorf("reading a netlink answer: %w", err)
		}
		if n > len(c.reply) {
			return fmt.Errorf("netlink answer of %d bytes is longer than %d", n, len(c.reply))
		}
		err = eachMessage(c.reply[:n], func(m message) error {
			if m.seq != c.seq || done {
				return nil
			}
			interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
			switch m.typ {
			case unix.NLMSG_ERROR, unix.NLMSG_DONE:
				done = true
				errno, err := m.errno()
				if err == nil && errno != 0 {
					err = errno
				}
				return err
			case unix.NLMSG_NOOP:
				return nil
			}
			if failure == nil {
				failure = visit(m.typ, m.payload)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if failure == nil && interrupted {
		failure = ErrInterrupted
	}
	return failure
}
