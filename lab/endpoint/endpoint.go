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
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab/probe"
)

// Verb is the argument with which a program that holds a lab starts itself
// again as an endpoint host.
const Verb = "endpoint-host"

// Ports are the ports that an endpoint host answers on, and how eagerly.
type Ports struct {
	TCP []uint16 `json:"tcp,omitempty"`
	UDP []uint16 `json:"udp,omitempty"`

	// Yield makes the server run only when nobody else wants the CPU. On a
	// machine with one CPU it would otherwise take it from a client as soon as
	// a packet arrives, and its own work would count as the packet's cost.
	Yield bool `json:"yield,omitempty"`
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
	for _, p := range ports.TCP {
		if err := l.addTCP(p); err != nil {
			return err
		}
	}
	for _, p := range ports.UDP {
		if err := l.addUDP(p); err != nil {
			return err
		}
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
	listeners map[int32]struct{}
	streams   map[int32]*stream
	datagrams map[int32]*datagrams
	scratch   [probe.MessageSize * 64]byte
}

func newLoop() (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &loop{
		epoll:     fd,
		listeners: map[int32]struct{}{},
		streams:   map[int32]*stream{},
		datagrams: map[int32]*datagrams{},
	}, nil
}

func (l *loop) watch(fd int) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

func (l *loop) addTCP(port uint16) error {
	fd, err := listenTCP(port)
	if err != nil {
		return err
	}
	l.listeners[int32(fd)] = struct{}{}
	return l.watch(fd)
}

func (l *loop) addUDP(port uint16) error {
	fd, err := listenUDP(port)
	if err != nil {
		return err
	}
	l.datagrams[int32(fd)] = &datagrams{port: port}
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
	if _, ok := l.listeners[fd]; ok {
		for {
			conn, answer, ok := accept(int(fd))
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
