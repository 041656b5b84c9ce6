package nlbatch

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Socket is the system's side of a Conn: what tests replace.
type Socket interface {
	// Send sends one datagram to the kernel, which has read it on return. It
	// may return EINTR before it did anything.
	Send(b []byte) error
	// Recv takes the next datagram out of the queue. It returns EAGAIN when
	// the queue is empty, and the full length of a datagram that b was too
	// short for. It may return EINTR.
	Recv(b []byte) (int, error)
	Close() error
}

// rcvbuf holds the refusals of a full batch: below 1 KiB of queue each. The
// kernel doubles it.
const rcvbuf = 2 << 20

// kernelSocket is a netlink socket of the kernel.
type kernelSocket int

func dial(protocol int) (kernelSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return -1, fmt.Errorf("netlink socket of protocol %d: %w", protocol, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("bind of a netlink socket: %w", err)
	}
	for _, opt := range []struct{ force, plain, size int }{
		{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, rcvbuf},
		{unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, batchLimit + requestLimit},
	} {
		// Only root of the first user namespace may pass the sysctl's limit.
		// Without it a batch full of refusals may lose some: that is
		// reported, see BatchError.Lost.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, opt.force, opt.size) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, opt.plain, opt.size)
		}
	}
	// Refusals without a copy of their request (a Conn still has it) and with
	// the kernel's own words. Kernels before 4.3 and 4.12 lack these and send
	// what the parser understands as well.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	return kernelSocket(fd), nil
}

func (s kernelSocket) Send(b []byte) error {
	_, err := unix.Write(int(s), b)
	return err
}

func (s kernelSocket) Recv(b []byte) (int, error) {
	for {
		n, from, err := unix.Recvfrom(int(s), b, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		if err != nil {
			return 0, err
		}
		// Only the kernel has port 0; whatever another process sends is noise.
		if nl, ok := from.(*unix.SockaddrNetlink); ok && nl.Pid != 0 {
			continue
		}
		return n, nil
	}
}

func (s kernelSocket) Close() error { return unix.Close(int(s)) }
