package userspace

import (
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
)

// udpEndpoint answers every packet with a name and the length of the packet, to
// which it adds who sent it.
func udpEndpoint(t *testing.T, name string) netip.AddrPort {
	t.Helper()
	c, err := net.ListenPacket("udp", loopback[backends.IPv4])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(fmt.Appendf(nil, "%s %d %s", name, n, from), from)
		}
	}()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// client is one of a UDP socket of the proxy.
type client struct {
	*testing.T
	net.Conn
}

func udpClientOf(t *testing.T, s *socket) client {
	t.Helper()
	c, err := net.Dial("udp", s.at(backends.IPv4))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return client{t, c}
}

// ask is who answers a packet, how long that was, and whom the endpoint saw.
func (c client) ask(packet string) (name, length, seen string) {
	c.Helper()
	if _, err := fmt.Fprint(c.Conn, packet); err != nil {
		c.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		c.Fatal(err)
	}
	b := make([]byte, 1000)
	n, err := c.Read(b)
	if err != nil {
		c.Fatal(err)
	}
	words := strings.Fields(string(b[:n]))
	return words[0], words[1], words[2]
}

// sessions are the clients that a socket knows.
func (s *socket) sessions() int {
	s.udp.mu.Lock()
	defer s.udp.mu.Unlock()
	return len(s.udp.clients)
}

// Each client has a connection of its own to one endpoint and keeps it.
func TestUDPClients(t *testing.T) {
	s := newSocket(t, backends.IPv4, backends.UDP, nil, udpEndpoint(t, "a"), udpEndpoint(t, "b"))
	got := ""
	seen := map[string]bool{}
	x, y, z := udpClientOf(t, s), udpClientOf(t, s), udpClientOf(t, s)
	for _, c := range []client{x, y, z, x, y, z, x} {
		name, _, from := c.ask("hello")
		got += name
		seen[from] = true
	}
	if got != "abaabaa" || len(seen) != 3 || s.sessions() != 3 {
		t.Errorf("answered %q, over %d connections, %d of them known", got, len(seen), s.sessions())
	}
}

func TestUDPCutsLongPackets(t *testing.T) {
	s := newSocket(t, backends.IPv4, backends.UDP, nil, udpEndpoint(t, "a"))
	c := udpClientOf(t, s)
	for _, n := range []int{1, 4096, 5000} {
		if _, length, _ := c.ask(strings.Repeat("x", n)); length != fmt.Sprint(min(n, 4096)) {
			t.Errorf("of %d bytes %s arrive", n, length)
		}
	}
}

// A client that pauses for longer than the idle timeout is a new one afterwards.
func TestUDPIdle(t *testing.T) {
	s := newSocket(t, backends.IPv4, backends.UDP, func(s *socket) { s.idle = 50 * time.Millisecond }, udpEndpoint(t, "a"), udpEndpoint(t, "b"))
	c := udpClientOf(t, s)
	files := descriptors(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it would close what was forgotten
	got := ""
	for range 3 {
		name, _, _ := c.ask("hello")
		got += name
		eventually(t, func() string {
			if n := s.sessions(); n > 0 {
				return fmt.Sprintf("%d clients are still known", n)
			}
			if n := descriptors(t); n > files {
				return fmt.Sprintf("%d descriptors are open, and before there were %d", n, files)
			}
			return ""
		})
	}
	if got != "aba" {
		t.Errorf("answered %q, want the next one after each pause", got)
	}
}

// A client whose endpoint goes is led to another with its next packet; others stay.
func TestUDPEndpointGoes(t *testing.T) {
	a, b := udpEndpoint(t, "a"), udpEndpoint(t, "b")
	p := func(endpoints ...netip.AddrPort) *backends.ServicePort {
		p := &backends.ServicePort{Namespace: "n", Name: "s", Protocol: backends.UDP, ClusterIP: alice, Port: 53}
		for _, e := range endpoints {
			p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: e})
		}
		return p
	}
	s := &service{socket: newSocket(t, backends.IPv4, backends.UDP, nil, a, b)}
	x, y := udpClientOf(t, s.socket), udpClientOf(t, s.socket)
	x.ask("hello")
	_, _, was := y.ask("hello")
	s.update(p(b))
	if name, _, _ := x.ask("hello"); name != "b" {
		t.Errorf("the client of the endpoint that went is answered by %s", name)
	}
	if name, _, is := y.ask("hello"); name != "b" || is != was {
		t.Errorf("the other client is answered by %s over %s, before over %s", name, is, was)
	}
}

// Closing ends the clients' connections.
func TestUDPClose(t *testing.T) {
	s := newSocket(t, backends.IPv4, backends.UDP, nil, udpEndpoint(t, "a"))
	udpClientOf(t, s).ask("hello")
	if s.sessions() != 1 {
		t.Fatalf("%d clients are known, want 1", s.sessions())
	}
	s.close()
	if s.sessions() != 0 {
		t.Errorf("%d clients are left", s.sessions())
	}
}
