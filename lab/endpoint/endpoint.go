// Package endpoint is the server behind every endpoint of a lab: one process
// an endpoint host, one thread, one epoll loop. It listens on all of its
// host's addresses at once, thousands of which are local routes rather than
// addresses, and every reply says which of them was asked and by whom.
package endpoint

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// Verb is the argument with which a program that holds a lab starts itself
// again as an endpoint host.
const Verb = "endpoint-host"

// Ports are what an endpoint host answers on, and how eagerly.
type Ports struct {
	// At all of the host's IPv4 addresses.
	TCP []uint16 `json:"tcp,omitempty"`
	UDP []uint16 `json:"udp,omitempty"`
	// At all of its IPv6 addresses.
	TCP6 []uint16 `json:"tcp6,omitempty"`
	UDP6 []uint16 `json:"udp6,omitempty"`
	// SCTP answers at single addresses: an association tells its peer all the
	// addresses of a socket that has more.
	SCTP []netip.AddrPort `json:"sctp,omitempty"`

	// Yield makes the server run only when nobody else wants the CPU. On a
	// machine with one CPU it would otherwise take it from a client as soon as
	// a packet arrives, and its own work would count as the packet's cost.
	Yield bool `json:"yield,omitempty"`
}

// Empty reports whether there is nothing to answer on.
func (p *Ports) Empty() bool {
	return len(p.TCP)+len(p.UDP)+len(p.TCP6)+len(p.UDP6)+len(p.SCTP) == 0
}

// Ready is the line that Serve writes once every port answers.
const Ready = "ready"

// Serve reads one line of JSON (Ports) from in, writes a line of Ready to out
// and answers until in ends: a host whose lab has died goes with it.
func Serve(in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading the ports to serve: %w", err)
	}
	var ports Ports
	if err := json.Unmarshal(line, &ports); err != nil {
		return fmt.Errorf("reading the ports to serve: %w", err)
	}
	l, err := newLoop()
	if err != nil {
		return err
	}
	if err := l.listen(ports); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, Ready); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if ports.Yield {
			if err := yield(); err != nil {
				failed <- err
				return
			}
		}
		failed <- l.run()
	}()
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, r)
		close(ended)
	}()
	select {
	case err := <-failed:
		return err
	case <-ended:
		return nil
	}
}

// yield gives the calling thread the policy SCHED_IDLE of sched(7), which
// preempts nobody.
func yield() error {
	const idle = 5
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: idle}, 0); err != nil {
		return fmt.Errorf("lowering the server below everybody else: %w", err)
	}
	return nil
}

// loop is the epoll set and what is in it, by file descriptor.
type loop struct {
	epoll     int
	listeners map[int32]backends.Protocol
	streams   map[int32]*stream
	datagrams map[int32]*datagrams
	scratch   [1 << 16]byte // of a bulk a read takes as much
}

func newLoop() (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &loop{
		epoll:     fd,
		listeners: map[int32]backends.Protocol{},
		streams:   map[int32]*stream{},
		datagrams: map[int32]*datagrams{},
	}, nil
}

func (l *loop) watch(fd int) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// listen opens all the ports.
func (l *loop) listen(ports Ports) error {
	any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	for _, list := range []struct {
		proto backends.Protocol
		at    netip.Addr
		ports []uint16
	}{
		{backends.TCP, any4, ports.TCP}, {backends.UDP, any4, ports.UDP},
		{backends.TCP, any6, ports.TCP6}, {backends.UDP, any6, ports.UDP6},
	} {
		for _, port := range list.ports {
			if err := l.add(list.proto, netip.AddrPortFrom(list.at, port)); err != nil {
				return err
			}
		}
	}
	for _, at := range ports.SCTP {
		if err := l.add(backends.SCTP, at); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) add(proto backends.Protocol, at netip.AddrPort) error {
	fd, err := listen(proto, at)
	if err != nil {
		return err
	}
	if proto == backends.UDP {
		l.datagrams[int32(fd)] = &datagrams{port: at.Port()}
	} else {
		l.listeners[int32(fd)] = proto
	}
	return l.watch(fd)
}

func (l *loop) run() error {
	var events [256]unix.EpollEvent
	for {
		n, err := unix.EpollWait(l.epoll, events[:], -1)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			l.handle(e.Fd)
		}
	}
}

func (l *loop) handle(fd int32) {
	if d, ok := l.datagrams[fd]; ok {
		for d.serve(int(fd)) {
		}
		return
	}
	if proto, ok := l.listeners[fd]; ok {
		for {
			conn, answer, ok := accept(int(fd), proto)
			if !ok {
				return
			}
			s := &stream{}
			answer.Encode(&s.reply)
			l.streams[int32(conn)] = s
			if err := l.watch(conn); err != nil {
				l.drop(int32(conn))
			}
		}
	}
	if s, ok := l.streams[fd]; ok && !s.serve(int(fd), l.scratch[:]) {
		l.drop(fd)
	}
}

// drop forgets a connection; closing takes it out of the epoll set.
func (l *loop) drop(fd int32) {
	delete(l.streams, fd)
	unix.Close(int(fd))
}
