package probe

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// Amount is what went through a flow, and what it took.
type Amount struct {
	Count    int64 // of bytes, or of packets both ways
	Requests int   // bulks, or datagrams
	Lost     int   // of them, without a reply
	Cost     int64 // in the clock's unit
}

// bulkBuffer is how much one write hands to the kernel.
const bulkBuffer = 128 << 10

// Bulk sends bulks of so many bytes, one after another, over one TCP connection until
// enough says so after one of them. Each ends with the answer of the endpoint that has
// read all of it. Opening the flow is not in the cost.
func (t Timer) Bulk(target Target, size int64, begin func() error, enough func(Amount) bool) (Amount, error) {
	buffer := make([]byte, bulkBuffer)
	var header [MessageSize]byte
	encodeBulk(&header, size)
	return t.transfer(target, begin, enough, func(s socket, a *Amount) error {
		if err := s.send(&header); err != nil {
			return err
		}
		for left := size; left > 0; {
			n, err := s.write(buffer[:min(left, bulkBuffer)])
			if err != nil {
				return err
			}
			left -= int64(n)
		}
		var b [MessageSize]byte
		if err := s.receive(&b); err != nil {
			return err
		}
		a.Count += size
		a.Requests++
		return nil
	})
}

// burst is how many datagrams are on their way at a time: fewer than an endpoint's socket
// holds, so that what is lost is lost on the way.
const burst = 32

// Bursts sends small datagrams over one UDP flow and takes their replies, some at a time,
// until enough says so. A reply that does not come within the timeout is lost.
func (t Timer) Bursts(target Target, begin func() error, enough func(Amount) bool) (Amount, error) {
	return t.transfer(target, begin, enough, func(s socket, a *Amount) error {
		var b [MessageSize]byte
		for range burst {
			if err := s.send(&b); err != nil {
				return err
			}
		}
		a.Count += burst
		a.Requests += burst
		for got := range burst {
			switch err := s.receive(&b); err {
			case nil:
				a.Count++
			case unix.ETIMEDOUT:
				a.Lost += burst - got
				return nil
			default:
				return err
			}
		}
		return nil
	})
}

// transfer opens a flow, asks once, and runs steps until it is enough.
func (t Timer) transfer(target Target, begin func() error, enough func(Amount) bool, step func(socket, *Amount) error) (a Amount, err error) {
	timeout := t.Timeout
	if target.Protocol == backends.UDP {
		timeout = min(timeout, lossTimeout)
	}
	f, err := OpenFlow(target.Protocol, target.Addr, timeout)
	if err != nil {
		return a, err
	}
	defer f.Close()
	if _, err := f.Ask(); err != nil {
		return a, err
	}
	err = undisturbed(func() error {
		if err := begin(); err != nil {
			return err
		}
		start := t.Now()
		for {
			if err := step(f.socket, &a); err != nil {
				return err
			}
			a.Cost = t.Now() - start
			if enough(a) {
				return nil
			}
		}
	})
	if err != nil {
		err = fmt.Errorf("sending to %s over %s: %w", target.Addr, target.Protocol, err)
	}
	return a, err
}

// lossTimeout is after how long a datagram has not come: each loss costs it whole.
const lossTimeout = 200 * time.Millisecond

// write sends as much as the socket takes.
func (s socket) write(b []byte) (int, error) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
	return int(n), timedOut(e)
}
