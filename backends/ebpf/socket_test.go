package ebpf_test

import (
	"net/netip"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/socket"
)

// A UDP socket that is not connected hears from the address that it sent to, and a
// connected one names it as its peer: no socket gets to see an endpoint.
func TestSocketsSeeVIPs(t *testing.T) {
	b := socket.New()
	if !probed(t, b) {
		t.Log("this kernel cannot run it")
		return
	}
	runtime.GC() // a Backend serves whether anyone looks at it or not
	for _, vip := range []string{"10.96.0.1:53", "[fd00:10:96::1]:53"} {
		to := netip.MustParseAddrPort(vip)
		server, local := listen(t, to.Addr().Is6())
		state := &backends.State{Services: []backends.ServicePort{{
			Namespace: "test", Name: "dns", Protocol: backends.UDP, ClusterIP: to.Addr(), Port: to.Port(),
			Endpoints: []backends.Endpoint{{Addr: local}},
		}}}
		if err := b.Sync(t.Context(), state); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		client := udpSocket(t, to.Addr().Is6())
		if err := unix.Sendto(client, []byte("who"), 0, sockaddr(to)); err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 16)
		n, from, err := unix.Recvfrom(server, text, 0)
		if err != nil || string(text[:n]) != "who" {
			t.Fatalf("the endpoint got %q, %v", text[:n], err)
		}
		if err := unix.Sendto(server, []byte("me"), 0, from); err != nil {
			t.Fatal(err)
		}
		n, from, err = unix.Recvfrom(client, text, 0)
		if err != nil || string(text[:n]) != "me" || addrPort(from) != to {
			t.Errorf("the client got %q of %s, %v; want %s", text[:n], addrPort(from), err, to)
		}
		connected := udpSocket(t, to.Addr().Is6())
		if err := unix.Connect(connected, sockaddr(to)); err != nil {
			t.Fatal(err)
		}
		peer, err := unix.Getpeername(connected)
		if err != nil || addrPort(peer) != to {
			t.Errorf("the peer is %s, %v; want %s", addrPort(peer), err, to)
		}
	}
	if err := b.Cleanup(t.Context()); err != nil {
		t.Error(err)
	}
}

func udpSocket(t *testing.T, six bool) int {
	t.Helper()
	family := unix.AF_INET
	if six {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
		t.Fatal(err)
	}
	return fd
}

func listen(t *testing.T, six bool) (int, netip.AddrPort) {
	t.Helper()
	fd := udpSocket(t, six)
	at := netip.MustParseAddrPort("127.0.0.1:0")
	if six {
		at = netip.MustParseAddrPort("[::1]:0")
	}
	if err := unix.Bind(fd, sockaddr(at)); err != nil {
		t.Fatal(err)
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, addrPort(own)
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

func addrPort(s unix.Sockaddr) netip.AddrPort {
	switch s := s.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), uint16(s.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(s.Addr), uint16(s.Port))
	}
	return netip.AddrPort{}
}
