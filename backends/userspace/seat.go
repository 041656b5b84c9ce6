package userspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// seatName is an abstract socket: its name belongs to the network namespace, as the
// rules do, and is free as soon as its owner has died.
const seatName = "@svcmark-userspace-proxy"

// seat is the one place that a node has for a proxy. Who connects to it wants it.
type seat struct {
	listener *net.UnixListener
	asker    net.Conn // who wants it; its end of the connection ends with the owner
}

// takeSeat takes the place of the proxy that has it, if there is one.
func takeSeat(ctx context.Context) (*seat, error) {
	const tries = 10 // another newcomer may be faster
	for range tries {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: seatName, Net: "unix"})
		if err == nil {
			return &seat{listener: l}, nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, fmt.Errorf("taking the node's place for a proxy: %w", err)
		}
		if err := dismiss(ctx); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the node's place for a proxy is never free")
}

// wait returns when somebody wants the seat.
func (s *seat) wait() {
	if c, err := s.listener.Accept(); err == nil {
		s.asker = c
	}
}

// leave gives the seat up. Whoever wants it learns of that by the process's end,
// when all else is free, too.
func (s *seat) leave() { _ = s.listener.Close() } // nothing can be lost

// dismissal is how long a proxy may take to go.
const dismissal = 30 * time.Second

// dismiss has the node's proxy end, if there is one, and returns when it has.
func dismiss(ctx context.Context) error {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: seatName, Net: "unix"})
	if errors.Is(err, unix.ECONNREFUSED) {
		return nil // there is none
	}
	if err != nil {
		return fmt.Errorf("asking the node's proxy to end: %w", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(dismissal)); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_, err = io.Copy(io.Discard, c)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !errors.Is(err, unix.ECONNRESET): // it ended before it accepted
		return fmt.Errorf("waiting for the node's proxy to end: %w", err)
	}
	return nil
}
