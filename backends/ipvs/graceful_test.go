package ipvs_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ipvs"
)

// A TCP real server that goes away keeps its connections, with the weight 0,
// until they end; when it comes back before that it is an ordinary one again.
// One of UDP goes at once.
func TestGracefulTermination(t *testing.T) {
	for _, c := range []struct {
		path ipvs.Path
		how  string // Apply is Sync with the path KubeProxy
	}{{ipvs.Batched, "Apply"}, {ipvs.Batched, "Sync"}, {ipvs.KubeProxy, "Apply"}} {
		t.Run(string(c.path)+"/"+c.how, func(t *testing.T) { gracefulTermination(t, c.path, c.how) })
	}
}

func gracefulTermination(t *testing.T, path ipvs.Path, how string) {
	b := ipvs.New(ipvs.Options{Path: path, Iptables: "iptables-legacy"})
	if !needIPVS(t, b) {
		return
	}
	ownAddresses(t)
	cleanUp(t, b)
	// The real servers are the node's own addresses, as of pods that share its
	// network.
	state := func(udp, tcp []string) *backends.State {
		s := &backends.State{Node: ipvs.NodeOfBoth()}
		for _, p := range []struct {
			proto     backends.Protocol
			endpoints []string
		}{{backends.TCP, tcp}, {backends.UDP, udp}} {
			port := backends.ServicePort{Namespace: "ns", Name: strings.ToLower(string(p.proto)), Protocol: p.proto, ClusterIP: netip.MustParseAddr("10.96.0.10"), Port: 80}
			for _, e := range p.endpoints {
				port.Endpoints = append(port.Endpoints, backends.Endpoint{Addr: netip.MustParseAddrPort(e)})
			}
			s.Services = append(s.Services, port)
		}
		return s
	}
	const one, two = "192.168.0.1:8080", "192.168.7.1:8080"
	last := state([]string{one, two}, []string{one})
	sync(t, b, last)
	change := func(to *backends.State) {
		t.Helper()
		if how == "Apply" {
			apply(t, b, last, to)
		} else {
			sync(t, b, to)
		}
		last = to
	}
	listener, err := net.Listen("tcp", one)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	client, err := net.DialTimeout("tcp", "10.96.0.10:80", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	talk := func() {
		t.Helper()
		buf := make([]byte, 1)
		_ = client.SetDeadline(time.Now().Add(5 * time.Second))
		_ = server.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := client.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(want ...string) {
		t.Helper()
		out := run(t, "ipvsadm", "-Sn")
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("no %q in\n%s", w, out)
			}
		}
		if n := strings.Count(out, "-a "); n != len(want) {
			t.Errorf("%d real servers, want %d:\n%s", n, len(want), out)
		}
	}
	waits := func(want int) {
		t.Helper()
		if n, err := b.Settle(t.Context()); n != want || err != nil {
			t.Errorf("Settle: %d wait (%v), want %d", n, err, want)
		}
	}
	talk()
	const tcp, udp = "-a -t 10.96.0.10:80 -r ", "-a -u 10.96.0.10:80 -r "

	change(state([]string{two}, []string{two}))
	gone := []string{tcp + one + " -m -w 0", tcp + two + " -m -w 1", udp + two + " -m -w 1"}
	holds(gone...)
	waits(1)
	talk()
	// Other changes leave it alone, and so does a Sync.
	change(state(nil, []string{two}))
	change(state([]string{two}, []string{two}))
	sync(t, b, last)
	holds(gone...)
	waits(1)
	talk()

	change(state([]string{two}, []string{one, two}))
	holds(tcp+one+" -m -w 1", tcp+two+" -m -w 1", udp+two+" -m -w 1")
	waits(0)
	talk()

	// And away again, for good: it waits for the connection's end.
	change(state([]string{two}, []string{two}))
	holds(gone...)
	waits(1)
	_ = client.Close()
	_ = server.Close()
	// IPVS remembers a closed connection for two minutes, which the lab's
	// virtual clock skips.
	for deadline := time.Now().Add(10 * time.Minute); ; {
		n, err := b.Settle(t.Context())
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%d real servers wait: %v", n, err)
		}
		if n == 0 {
			break
		}
		time.Sleep(time.Second)
	}
	holds(tcp+two+" -m -w 1", udp+two+" -m -w 1")

	// A virtual server that goes takes what waited along.
	listener2, err := net.Listen("tcp", two)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener2.Close() }()
	other, err := net.DialTimeout("tcp", "10.96.0.10:80", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	change(state(nil, nil))
	waits(1)
	none := &backends.State{Node: ipvs.NodeOfBoth()}
	change(none)
	holds()
	waits(0)
}
