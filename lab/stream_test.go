package lab_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
)

// Questions are due at fixed times, whatever became of those before; each has a flow
// of its own and a reply, or a reason why not.
func TestStream(t *testing.T) {
	state := testState()
	top, err := lab.Build(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	defer closeTopology(t, top)
	const interval, n = 2 * time.Millisecond, 40
	tcp, udp := state.Services[0].Endpoints[0].Addr, state.Services[1].Endpoints[0].Addr
	for name, c := range map[string]struct {
		target probe.Target
		want   error
	}{
		"TCP":         {probe.Target{Protocol: backends.TCP, Addr: tcp}, nil},
		"UDP":         {probe.Target{Protocol: backends.UDP, Addr: udp}, nil},
		"refused TCP": {probe.Target{Protocol: backends.TCP, Addr: netip.AddrPortFrom(tcp.Addr(), 1)}, unix.ECONNREFUSED},
		"refused UDP": {probe.Target{Protocol: backends.UDP, Addr: netip.AddrPortFrom(udp.Addr(), 1)}, unix.ECONNREFUSED},
		"silent":      {probe.Target{Protocol: backends.UDP, Addr: deaf(t)}, unix.ETIMEDOUT},
	} {
		var replies []probe.Reply
		s := probe.Stream{Target: c.target, Now: lab.Now, Interval: interval, Patience: 20 * time.Millisecond}
		if c.want == nil {
			s.Patience = 10 * time.Second // no answer may be late on a busy machine
		}
		ports := "32768 60999" // as the kernel has it
		if name == "UDP" {
			ports = "40000 40119" // of which 40 questions would get one twice all but surely
		}
		if err := top.Client.Do(func() error { return os.WriteFile(portRange, []byte(ports), 0) }); err != nil {
			t.Fatal(err)
		}
		begin := lab.Now()
		in := top.Client.Do
		if c.target.Addr.Addr().IsLoopback() {
			in = func(fn func() error) error { return fn() }
		}
		err := in(func() error {
			return s.Run(func(r probe.Reply) bool { replies = append(replies, r); return len(replies) < n })
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(replies) != n {
			t.Fatalf("%s: %d replies after it was enough, want %d", name, len(replies), n)
		}
		due, clients := map[int64]bool{}, map[netip.AddrPort]bool{}
		first := replies[0].Due
		for _, r := range replies {
			first = min(first, r.Due)
		}
		for _, r := range replies {
			due[r.Due] = true
			clients[r.Client] = true
			switch {
			case (r.Due-first)%int64(interval) != 0 || r.Due < begin+int64(interval) || r.Sent < r.Due || r.At < r.Sent:
				t.Errorf("%s: due %d, sent %d, answered %d", name, r.Due-begin, r.Sent-begin, r.At-begin)
			case !errors.Is(r.Err, c.want):
				t.Errorf("%s: %v, want %v", name, r.Err, c.want)
			case c.want == nil && r.Endpoint != c.target.Addr:
				t.Errorf("%s: %s answers", name, r.Endpoint)
			case c.want == unix.ETIMEDOUT && r.At-r.Sent < int64(s.Patience):
				t.Errorf("%s: given up after %d ns", name, r.At-r.Sent)
			}
		}
		if len(due) != n || c.want == nil && len(clients) != n {
			t.Errorf("%s: %d questions have %d times and %d clients", name, n, len(due), len(clients))
		}
	}
}

// portRange is where the local ports of a thread's network namespace come from.
const portRange = "/proc/sys/net/ipv4/ip_local_port_range"

// deaf is where somebody listens who never answers.
func deaf(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}
