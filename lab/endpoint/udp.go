package endpoint

import (
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab/probe"
)

func listenUDP(port uint16) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// The address that a packet was sent to, which the answer must also come
	// from, is in its ancillary data: the socket is bound to all of them.
	if err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(port)})
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("listening on UDP port %d: %w", port, err)
	}
	return fd, nil
}

// datagrams answers requests that arrive at one UDP port.
type datagrams struct {
	port    uint16
	request [probe.MessageSize + 1]byte
	oob     [128]byte
	reply   [probe.MessageSize]byte
}

// serve answers one waiting request; false means that none waits.
func (d *datagrams) serve(fd int) bool {
	n, oobn, _, from, err := unix.Recvmsg(fd, d.request[:], d.oob[:], 0)
	if err != nil {
		return err == unix.EINTR
	}
	info, ok := pktInfo(d.oob[:oobn])
	if n != probe.MessageSize || !ok {
		return true // not a request of ours
	}
	local := netip.AddrFrom4(info.Addr)
	probe.Answer{Endpoint: netip.AddrPortFrom(local, d.port), Client: addrPort(from)}.Encode(&d.reply)
	// Loss is a client's timeout, as on a real host; there is nobody to tell here.
	_ = unix.Sendmsg(fd, d.reply[:], unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: info.Addr}), from, 0)
	return true
}

func pktInfo(oob []byte) (*unix.Inet4Pktinfo, bool) {
	for len(oob) >= unix.CmsgLen(0) {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return nil, false
		}
		if h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo {
			return (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])), true
		}
		oob = rest
	}
	return nil, false
}
