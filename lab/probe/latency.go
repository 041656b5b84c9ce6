package probe

import (
	"fmt"
	"net/netip"
	"runtime"
	"runtime/debug"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// Latencies are the costs of single operations in the order in which they were
// done, in the clock's unit. An operation that failed or timed out is counted
// and has no cost: it is never dropped in silence.
type Latencies struct {
	Costs []int64
	Lost  int
	Err   error // the last loss's cause
}

// Target is what an operation dials.
type Target struct {
	Protocol backends.Protocol
	Addr     netip.AddrPort
}

// Timer times operations.
type Timer struct {
	Now     func() int64  // the clock
	Timeout time.Duration // after which an operation is lost

	// Pause is how long to rest before each operation. On a machine with one
	// CPU the rest of the operation before (the server's way back to sleep,
	// freed sockets and flows) would otherwise run inside the next one or not,
	// as its phase has it; rested, each operation meets a quiet machine.
	Pause time.Duration
}

// FirstPacket times one new flow to each target, in order. For TCP and
// SCTP that is connect(2): the first packet's way there, the answer's way back. For UDP it is a
// request from a new source port and its reply. Opening and closing the socket
// is not timed.
func (t Timer) FirstPacket(targets []Target) (Latencies, error) {
	l := Latencies{Costs: make([]int64, 0, len(targets))}
	addrs, err := addresses(targets)
	if err != nil {
		return l, err
	}
	return l, undisturbed(func() error {
		for i, target := range targets {
			s, err := open(target.Protocol, target.Addr.Addr(), t.Timeout)
			if err != nil {
				return err
			}
			t.rest()
			cost, err := t.firstPacket(s, target.Protocol, addrs[i])
			s.close()
			l.add(cost, err)
		}
		return nil
	})
}

// addresses are where targets are, as the kernel takes them.
func addresses(targets []Target) ([]*address, error) {
	addrs := make([]*address, len(targets))
	for i, target := range targets {
		sa, err := newAddress(target.Addr)
		if err != nil {
			return nil, err
		}
		addrs[i] = sa
	}
	return addrs, nil
}

func (t Timer) firstPacket(s socket, proto backends.Protocol, sa *address) (int64, error) {
	if proto != backends.UDP {
		begin := t.Now()
		err := s.connect(sa)
		return t.Now() - begin, err
	}
	var b [MessageSize]byte
	// A UDP connect sends nothing: it only fixes the peer.
	if err := s.connect(sa); err != nil {
		return 0, err
	}
	begin := t.Now()
	err := s.send(&b)
	if err == nil {
		err = s.receive(&b)
	}
	cost := t.Now() - begin
	if err == nil {
		_, err = decode(b[:])
	}
	return cost, err
}

// RoundTrip times n requests and their replies over one flow that is already
// established: it was opened and asked once before the first is timed.
func (t Timer) RoundTrip(target Target, n int) (Latencies, error) {
	l := Latencies{Costs: make([]int64, 0, n)}
	sa, err := newAddress(target.Addr)
	if err != nil {
		return l, err
	}
	s, err := open(target.Protocol, target.Addr.Addr(), t.Timeout)
	if err != nil {
		return l, err
	}
	defer s.close()
	var b [MessageSize]byte
	ask := func() error {
		if err := s.send(&b); err != nil {
			return err
		}
		return s.receive(&b)
	}
	return l, undisturbed(func() error {
		err := s.connect(sa)
		if err == nil {
			err = ask()
		}
		if err != nil {
			return fmt.Errorf("opening the flow to %s over %s: %w", target.Addr, target.Protocol, err)
		}
		for range n {
			t.rest()
			begin := t.Now()
			err := ask()
			l.add(t.Now()-begin, err)
		}
		return nil
	})
}

func (t Timer) rest() {
	if t.Pause > 0 {
		ts := unix.NsecToTimespec(int64(t.Pause))
		_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
	}
}

func (l *Latencies) add(cost int64, err error) {
	if err != nil {
		l.Lost++
		l.Err = err
		return
	}
	l.Costs = append(l.Costs, cost)
}

// undisturbed runs a timed loop without the Go runtime in its way: no garbage
// collection starts inside it, and no signal interrupts it.
func undisturbed(loop func() error) error {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	return unsignaled(loop)
}

// unsignaled runs fn on a thread that takes neither the Go runtime's preemption
// signal nor that of a child's end: each would end a system call that waits on a
// socket with a timeout with EINTR (signal(7)).
func unsignaled(fn func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, old unix.Sigset_t
	block.Val[0] = 1<<(uint(unix.SIGURG)-1) | 1<<(uint(unix.SIGCHLD)-1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old); err != nil {
		return fmt.Errorf("blocking signals: %w", err)
	}
	defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) }()
	return fn()
}
