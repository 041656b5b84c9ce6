package userspace

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// starterVerb makes the test binary one that starts a proxy and waits.
const starterVerb = "starter"

func starter() error {
	b := New()
	if err := b.Sync(context.Background(), testState(endpointOfNobody)); err != nil {
		return err
	}
	fmt.Println(b.Processes()[0])
	select {}
}

var endpointOfNobody = netip.MustParseAddrPort("192.0.2.77:80")

// testState has a Service over each protocol, with a NodePort.
func testState(endpoints ...netip.AddrPort) *backends.State {
	s := &backends.State{Node: backends.Node{Name: "node", Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.2")}}}
	for i, proto := range []backends.Protocol{backends.TCP, backends.UDP} {
		p := backends.ServicePort{
			Namespace: "n", Name: "s", PortName: fmt.Sprintf("p%d", i), Protocol: proto,
			ClusterIP: netip.MustParseAddr("192.0.2.10"), Port: 80, NodePort: 30080,
		}
		for _, e := range endpoints {
			p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: e})
		}
		s.Services = append(s.Services, p)
	}
	return s
}

func newBackend(t *testing.T) *Backend {
	t.Helper()
	b := New()
	if err := b.Probe(t.Context()); errors.Is(err, backends.ErrNotSupported) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := b.Cleanup(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func synced(t *testing.T, b *Backend, s *backends.State) {
	t.Helper()
	if err := b.Sync(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

// counted are the objects as one text.
func counted(t *testing.T, b *Backend) string {
	t.Helper()
	n, err := b.Objects(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d rules, %d chains, %d sockets", n["rules"], n["chains"], n["listening-sockets"])
}

// ended waits until a process is no more, or waits for nothing but its parent.
func ended(t *testing.T, pid int) {
	t.Helper()
	eventually(t, func() string {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return ""
		}
		return fmt.Sprintf("process %d still runs", pid)
	})
}

func TestObjects(t *testing.T) {
	b := newBackend(t)
	synced(t, b, testState(endpointOfNobody))
	// 5 jumps; for each Service 2 rules for its ClusterIP and 3 for its NodePort; one
	// socket that serves it and one that holds the NodePort.
	if got, want := counted(t, b), "15 rules, 5 chains, 4 sockets"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	only := testState(endpointOfNobody)
	only.Services = only.Services[:1]
	only.Services[0].NodePort = 0
	if err := b.Apply(t.Context(), backends.Diff(b.state, only)); err != nil {
		t.Fatal(err)
	}
	if got, want := counted(t, b), "7 rules, 5 chains, 1 sockets"; got != want {
		t.Errorf("after a change %s, want %s", got, want)
	}
	if err := b.Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := counted(t, b), "0 rules, 0 chains, 0 sockets"; got != want {
		t.Errorf("after Cleanup %s, want %s", got, want)
	}
}

// A change of endpoints alone runs no tool: iptables is no part of it.
func TestEndpointsNeedNoRules(t *testing.T) {
	b := newBackend(t)
	from := testState(endpointOfNobody)
	synced(t, b, from)
	flush := exec.CommandContext(t.Context(), "iptables-legacy", "-t", "nat", "-F", portalsHost)
	if out, err := flush.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	was := counted(t, b)
	other := testState(one)
	if err := b.Apply(t.Context(), backends.Diff(from, other)); err != nil {
		t.Fatal(err)
	}
	if is := counted(t, b); is != was {
		t.Errorf("rules were mended: %s, before %s", is, was)
	}
	// Anything else has every rule looked for.
	moved := testState(one)
	moved.Services[1].Port = 81
	if err := b.Apply(t.Context(), backends.Diff(other, moved)); err != nil {
		t.Fatal(err)
	}
	if got, want := counted(t, b), "15 rules, 5 chains, 4 sockets"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The proxy goes with who started it, even when that is killed, and leaves its rules
// and nothing else for a Cleanup.
func TestStarterKilled(t *testing.T) {
	b := newBackend(t)
	cmd := exec.Command("/proc/self/exe", starterVerb)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if readErr != nil {
		t.Fatalf("the starter said %q: %v", line, readErr)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	ended(t, pid)
	if got, want := counted(t, b), "15 rules, 5 chains, 0 sockets"; got != want {
		t.Errorf("%s are left, want %s", got, want)
	}
	if err := b.Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := counted(t, b), "0 rules, 0 chains, 0 sockets"; got != want {
		t.Errorf("after Cleanup %s, want %s", got, want)
	}
}

// A proxy that was killed is told, and the next Sync begins anew.
func TestProxyKilled(t *testing.T) {
	b := newBackend(t)
	s := testState(endpointOfNobody)
	synced(t, b, s)
	if err := b.Alive(); err != nil {
		t.Fatalf("it runs: %v", err)
	}
	pid := b.Processes()[0]
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-b.process.ended
	if err := b.Alive(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("of a proxy that was killed: %v", err)
	}
	if err := b.Apply(t.Context(), backends.Diff(s, testState(one))); err == nil {
		t.Error("a proxy that was killed takes a change")
	}
	synced(t, b, s)
	if got, want := counted(t, b), "15 rules, 5 chains, 4 sockets"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if b.Processes()[0] == pid {
		t.Error("it is the same process")
	}
}

// A node has one proxy: another takes its place, its NodePorts too, and a Cleanup by
// somebody else ends it.
func TestOneProxy(t *testing.T) {
	a, b := newBackend(t), newBackend(t)
	synced(t, a, testState(endpointOfNobody))
	first := a.Processes()[0]
	synced(t, b, testState(endpointOfNobody))
	ended(t, first)
	second := b.Processes()[0]
	if err := dismiss(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", ":30080") // what it held is free by then
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := New().Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended(t, second)
	<-b.process.ended
	if err := b.Alive(); err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("of a proxy whose place was taken: %v", err)
	}
	if got, want := counted(t, New()), "0 rules, 0 chains, 0 sockets"; got != want {
		t.Errorf("after Cleanup %s, want %s", got, want)
	}
}

// A port that somebody else has is an error that names it, and no NodePort is taken
// from a process that listens there.
func TestNodePortInUse(t *testing.T) {
	l, err := net.Listen("tcp4", ":30080")
	if err != nil {
		t.Fatal(err)
	}
	b := newBackend(t)
	err = b.Sync(t.Context(), testState(endpointOfNobody))
	if err == nil || !strings.Contains(err.Error(), "30080") {
		t.Errorf("a NodePort that is in use: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	synced(t, b, testState(endpointOfNobody)) // and it can be mended
	if got, want := counted(t, b), "15 rules, 5 chains, 4 sockets"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What others put into our chains goes with the next Sync.
func TestSyncMends(t *testing.T) {
	b := newBackend(t)
	s := testState(endpointOfNobody)
	synced(t, b, s)
	for _, args := range [][]string{
		{"-t", "nat", "-I", portalsContainer, "-p", "tcp", "--dport", "81", "-j", "REDIRECT", "--to-ports", "9"},
		{"-t", "nat", "-F", nodePorts},
	} {
		if out, err := exec.CommandContext(t.Context(), "iptables-legacy", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	synced(t, b, s)
	if got, want := counted(t, b), "15 rules, 5 chains, 4 sockets"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
