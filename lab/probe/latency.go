package probe

import (
	"fmt"
	"net/netip"
	"runtime"
	"runtime/debug"
	"time"

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

// FirstPacket times one new flow to each target, in order. For TCP that is
// connect(2): the SYN's way there, the answer's way back. For UDP it is a
// request from a new source port and its reply. Opening and closing the socket
// is not timed. now is the clock.
func FirstPacket(now func() int64, targets []Target, timeout time.Duration) (Latencies, error) {
	l := Latencies{Costs: make([]int64, 0, len(targets))}
	addrs := make([]*address, len(targets))
	for i, t := range targets {
		sa, err := newAddress(t.Addr)
		if err != nil {
			return l, err
		}
		addrs[i] = sa
	}
	return l, undisturbed(func() error {
		for i, t := range targets {
			s, err := open(t.Protocol, timeout)
			if err != nil {
				return err
			}
			cost, err := firstPacket(now, s, t.Protocol, addrs[i])
			s.close()
			l.add(cost, err)
		}
		return nil
	})
}

func firstPacket(now func() int64, s socket, proto backends.Protocol, sa *address) (int64, error) {
	if proto == backends.TCP {
		begin := now()
		err := s.connect(sa)
		return now() - begin, err
	}
	var b [MessageSize]byte
	// A UDP connect sends nothing: it only fixes the peer.
	if err := s.connect(sa); err != nil {
		return 0, err
	}
	begin := now()
	err := s.send(&b)
	if err == nil {
		err = s.receive(&b)
	}
	cost := now() - begin
	if err == nil {
		_, err = decode(b[:])
	}
	return cost, err
}

// RoundTrip times n requests and their replies over one flow that is already
// established: it was opened and asked once before the first is timed.
func RoundTrip(now func() int64, target Target, n int, timeout time.Duration) (Latencies, error) {
	l := Latencies{Costs: make([]int64, 0, n)}
	sa, err := newAddress(target.Addr)
	if err != nil {
		return l, err
	}
	s, err := open(target.Protocol, timeout)
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
	if err = s.connect(sa); err == nil {
		err = ask()
	}
	if err != nil {
		return l, fmt.Errorf("opening the flow to %s over %s: %w", target.Addr, target.Protocol, err)
	}
	return l, undisturbed(func() error {
		for range n {
			begin := now()
			err := ask()
			l.add(now()-begin, err)
		}
		return nil
	})
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
// collection starts inside it, and the thread takes no preemption signal, which
// would also interrupt its system calls.
func undisturbed(loop func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var block, old unix.Sigset_t
	block.Val[0] = 1 << (uint(unix.SIGURG) - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old); err != nil {
		return fmt.Errorf("blocking the runtime's preemption signal: %w", err)
	}
	defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) }()
	return loop()
}
