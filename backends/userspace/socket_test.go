package userspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// loopback are the addresses on which the tests' endpoints listen.
var loopback = map[backends.Family]string{backends.IPv4: "127.0.0.1:0", backends.IPv6: "[::1]:0"}

// newSocket serves endpoints on a socket that is closed when the test ends.
func newSocket(t *testing.T, f backends.Family, proto backends.Protocol, change func(*socket), endpoints ...netip.AddrPort) *socket {
	t.Helper()
	s := &socket{
		balancer: newBalancer(0, time.Now), dial: dial, idle: time.Hour,
		fail: func(err error) { t.Errorf("the proxy fails: %v", err) },
	}
	s.balancer.set(endpoints)
	if change != nil {
		change(s)
	}
	if err := s.listen(f, proto); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// at is where a client of the socket dials.
func (s *socket) at(f backends.Family) string {
	host := netip.MustParseAddrPort(loopback[f]).Addr()
	return netip.AddrPortFrom(host, s.port).String()
}

// tcpEndpoint serves each connection with a function and closes it then.
func tcpEndpoint(t *testing.T, f backends.Family, serve func(*net.TCPConn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", loopback[f])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// says is an endpoint that says something to everybody.
func says(t *testing.T, text string) netip.AddrPort {
	return tcpEndpoint(t, backends.IPv4, func(c *net.TCPConn) { fmt.Fprint(c, text) })
}

// hear is what a connection through the socket says until its end.
func hear(t *testing.T, s *socket) string {
	t.Helper()
	c, err := net.Dial("tcp", s.at(backends.IPv4))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTCPGoesRound(t *testing.T) {
	s := newSocket(t, backends.IPv4, backends.TCP, nil, says(t, "a"), says(t, "b"), says(t, "c"))
	got := ""
	for range 7 {
		got += hear(t, s)
	}
	if got != "abcabca" {
		t.Errorf("heard %q", got)
	}
}

// What is on its way one way arrives after the other way has ended.
func TestTCPHalfClose(t *testing.T) {
	for _, f := range backends.Families() {
		// An endpoint that answers when its client has ended: with all that it sent.
		after := tcpEndpoint(t, f, func(c *net.TCPConn) {
			all, _ := io.ReadAll(c)
			_, _ = c.Write(bytes.ToUpper(all))
		})
		// One that ends first, and then hears what its client says.
		heard := make(chan string, 1)
		before := tcpEndpoint(t, f, func(c *net.TCPConn) {
			fmt.Fprint(c, "bye")
			_ = c.CloseWrite()
			all, _ := io.ReadAll(c)
			heard <- string(all)
		})
		s := newSocket(t, f, backends.TCP, nil, after, before)
		dial := func() *net.TCPConn {
			c, err := net.Dial("tcp", s.at(f))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c.(*net.TCPConn)
		}
		long := strings.Repeat("long ", 200_000) // more than the sockets' buffers hold
		c := dial()
		fmt.Fprint(c, long)
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if all, err := io.ReadAll(c); err != nil || string(all) != strings.ToUpper(long) {
			t.Errorf("%s: after its end the client hears %d bytes, %v; want %d", f, len(all), err, len(long))
		}
		c = dial()
		if all, err := io.ReadAll(c); err != nil || string(all) != "bye" {
			t.Errorf("%s: the client hears %q, %v", f, all, err)
		}
		fmt.Fprint(c, long)
		c.Close()
		if all := <-heard; all != long {
			t.Errorf("%s: after its end the endpoint hears %d bytes, want %d", f, len(all), len(long))
		}
	}
}

// A connection that breaks breaks for the other side, too.
func TestTCPReset(t *testing.T) {
	ended := make(chan error, 1)
	s := newSocket(t, backends.IPv4, backends.TCP, nil, tcpEndpoint(t, backends.IPv4, func(c *net.TCPConn) {
		fmt.Fprint(c, "x")
		_, err := io.Copy(io.Discard, c)
		ended <- err
	}))
	c, err := net.Dial("tcp", s.at(backends.IPv4))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil { // it has its endpoint
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := <-ended; err != nil {
		t.Logf("the endpoint reads %v", err)
	}
}

func TestDialGoesOn(t *testing.T) {
	l, err := net.Listen("tcp", loopback[backends.IPv4])
	if err != nil {
		t.Fatal(err)
	}
	refuses := l.Addr().(*net.TCPAddr).AddrPort()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := newSocket(t, backends.IPv4, backends.TCP, func(s *socket) { s.balancer.affinity = time.Hour }, refuses, says(t, "a"), says(t, "b"))
	// The first endpoint does not take it, the second one does and keeps its client.
	if got := hear(t, s) + hear(t, s); got != "aa" {
		t.Errorf("heard %q, want the second endpoint twice", got)
	}
}

func TestDialGivesUp(t *testing.T) {
	var mu sync.Mutex
	var tried []netip.AddrPort
	var timeouts []time.Duration
	s := newSocket(t, backends.IPv4, backends.TCP, func(s *socket) {
		s.dial = func(_ context.Context, _ string, to netip.AddrPort, timeout time.Duration) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			tried, timeouts = append(tried, to), append(timeouts, timeout)
			return nil, unix.ETIMEDOUT
		}
	}, one, two, three)
	c, err := net.Dial("tcp", s.at(backends.IPv4))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client reads %d bytes, %v; want the connection's end", n, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []netip.AddrPort{one, two, three, one}; !slices.Equal(tried, want) {
		t.Errorf("tried %v, want %v", tried, want)
	}
	if want := []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}; !slices.Equal(timeouts, want) {
		t.Errorf("with %v, want %v", timeouts, want)
	}
}

// Closing takes a dial along that is under way, and leaves connections alone.
func TestCloseKeepsConnections(t *testing.T) {
	dials := make(chan struct{})
	echo := tcpEndpoint(t, backends.IPv4, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	s := newSocket(t, backends.IPv4, backends.TCP, func(s *socket) {
		s.dial = func(ctx context.Context, network string, to netip.AddrPort, timeout time.Duration) (net.Conn, error) {
			if to == echo {
				return dial(ctx, network, to, timeout)
			}
			close(dials)
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}, echo, one)
	c, err := net.Dial("tcp", s.at(backends.IPv4))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask := func() {
		t.Helper()
		if _, err := fmt.Fprint(c, "hello"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	waits, err := net.Dial("tcp", s.at(backends.IPv4))
	if err != nil {
		t.Fatal(err)
	}
	defer waits.Close()
	<-dials
	s.close()
	ask()
	if other, err := net.Dial("tcp", s.at(backends.IPv4)); err == nil {
		other.Close()
		t.Error("a socket that is closed takes connections")
	}
}

// Nothing is left of a socket and its connections: no descriptor, no goroutine.
func TestNothingLeaks(t *testing.T) {
	for _, proto := range []backends.Protocol{backends.TCP, backends.UDP} {
		t.Run(string(proto), func(t *testing.T) {
			tcp := tcpEndpoint(t, backends.IPv4, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
			udp := udpEndpoint(t, "x")
			endpoint := map[backends.Protocol]netip.AddrPort{backends.TCP: tcp, backends.UDP: udp}[proto]
			round := func() {
				s := newSocket(t, backends.IPv4, proto, nil, endpoint)
				var clients []net.Conn
				for range 20 {
					c, err := net.Dial(network(backends.IPv4, proto), s.at(backends.IPv4))
					if err != nil {
						t.Fatal(err)
					}
					clients = append(clients, c)
					if _, err := fmt.Fprint(c, "x"); err != nil {
						t.Fatal(err)
					}
					if _, err := c.Read(make([]byte, 9)); err != nil {
						t.Fatal(err)
					}
				}
				s.close()
				for _, c := range clients {
					c.Close()
				}
			}
			round() // what the runtime opens once, and pools
			files, routines := descriptors(t), runtime.NumGoroutine()
			defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it would close what was forgotten
			for range 3 {
				round()
			}
			// A pool of splice's pipes may have grown by what one more connection took
			// at the same time: far less than the 60 that there were.
			eventually(t, func() string {
				if f, r := descriptors(t), runtime.NumGoroutine(); f > files+8 || r > routines {
					return fmt.Sprintf("%d descriptors and %d goroutines, before %d and %d", f, r, files, routines)
				}
				return ""
			})
		})
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// eventually waits until a condition says nothing more.
func eventually(t *testing.T, condition func() string) {
	t.Helper()
	said := ""
	for range 2000 {
		if said = condition(); said == "" {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error(said)
}
