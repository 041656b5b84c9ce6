package lab_test

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/labtest"
	"github.com/svcmark/svcmark/lab/probe"
)

// TestMain also plays the workers that the tests of NetNS start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "echo":
			if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
				os.Exit(1)
			}
			os.Exit(0)
		case "fail":
			fmt.Fprintln(os.Stderr, "the reason")
			os.Exit(7)
		case "linger":
			marker := fmt.Sprintf("lingering-%d", time.Now().UnixNano())
			cmd := exec.Command("/proc/self/exe", "sleep", marker)
			if err := lab.EnterNode(); err != nil {
				panic(err)
			}
			cmd.Stdout = os.Stdout
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			if err := cmd.Start(); err != nil {
				panic(err)
			}
			fmt.Println(marker)
			time.Sleep(time.Hour)
		case "sleep":
			time.Sleep(time.Hour)
		}
	}
	labtest.Main(m)
}

func testState() *backends.State {
	node := backends.Node{
		Name: "node-0", Addrs: []netip.Addr{netip.MustParseAddr("192.168.0.1")},
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.128.0.0/9")}, ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
	}
	endpoint := func(s string) backends.Endpoint { return backends.Endpoint{Addr: netip.MustParseAddrPort(s)} }
	return &backends.State{Node: node, Services: []backends.ServicePort{
		{Namespace: "a", Name: "web", Protocol: backends.TCP, ClusterIP: netip.MustParseAddr("10.96.0.10"), Port: 80,
			Endpoints: []backends.Endpoint{endpoint("10.160.0.1:8080"), endpoint("10.223.255.254:8080")}},
		{Namespace: "b", Name: "dns", Protocol: backends.UDP, ClusterIP: netip.MustParseAddr("10.96.0.11"), Port: 53,
			Endpoints: []backends.Endpoint{endpoint("10.192.7.9:5353")}},
	}}
}

func closeTopology(t *testing.T, top *lab.Topology) {
	t.Helper()
	if err := top.Close(); err != nil {
		t.Error(err)
	}
}

func TestEveryEndpointAnswersAsItself(t *testing.T) {
	state := testState()
	top, err := lab.Build(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	defer closeTopology(t, top)
	for _, svc := range state.Services {
		for _, e := range svc.Endpoints {
			var a probe.Answer
			err := top.Client.Do(func() (err error) {
				a, err = probe.Ask(svc.Protocol, e.Addr, 2*time.Second)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if a.Endpoint != e.Addr {
				t.Errorf("%s: answered by %s", e.Addr, a.Endpoint)
			}
			if want := netip.MustParseAddr("10.128.0.2"); a.Client.Addr() != want {
				t.Errorf("%s: the endpoint saw client %s, want %s", e.Addr, a.Client.Addr(), want)
			}
		}
	}
	// Nothing is programmed: a VIP must not answer, or the lab answers for a backend.
	err = top.Client.Do(func() error {
		_, err := probe.Ask(backends.TCP, state.Services[0].VIP(), 200*time.Millisecond)
		return err
	})
	var errno unix.Errno
	if !errors.As(err, &errno) {
		t.Errorf("asking an unprogrammed VIP: %v, want an errno", err)
	}
}

func TestBuildFollowsCloseAtOnce(t *testing.T) {
	before := linkNames(t)
	for range 3 {
		top, err := lab.Build(t.Context(), testState())
		if err != nil {
			t.Fatal(err)
		}
		if err := top.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if after := linkNames(t); !slices.Equal(before, after) {
		t.Errorf("after Close the node has the links %q, before Build it had %q", after, before)
	}
}

func linkNames(t *testing.T) []string {
	t.Helper()
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range links {
		names = append(names, l.Attrs().Name)
	}
	return names
}
