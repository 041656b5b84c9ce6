package userspace

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// acceptTCP takes connections until the listener is closed: one at a time, and the
// next when this one has an endpoint, or none to be had.
func (s *socket) acceptTCP(ctx context.Context, network string, l *net.TCPListener) {
	for {
		in, err := l.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, unix.EMFILE):
			s.fail(tooManyFiles(err))
			return
		case err != nil:
			continue // the client has gone already
		}
		client := in.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		out, _, err := s.connect(ctx, network, client)
		if err != nil {
			in.Close()
			continue
		}
		go relay(in, out.(*net.TCPConn))
	}
}

// relay passes on what each side sends to the other until both have ended.
func relay(a, b *net.TCPConn) {
	var both sync.WaitGroup
	both.Go(func() { pour(a, b) })
	pour(b, a)
	both.Wait()
	a.Close()
	b.Close()
}

// pour copies one way, and then tells the receiver of the end. Where that breaks the
// other way is broken, too.
func pour(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	_ = to.CloseWrite() // a receiver that has gone needs not be told
}
