package ebpf_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/tc"
	"github.com/svcmark/svcmark/lab"
)

// A megabyte goes there and back unharmed on every way to a Service that packets take: in
// segments that the kernel cuts late, with checksums that it completes late.
func TestBulk(t *testing.T) {
	b := tc.New(tc.Random)
	if !probed(t, b) {
		return
	}
	state := many(1, 1)
	n := &state.Node
	n.Addrs = append(n.Addrs, netip.MustParseAddr("fd00:1::1"))
	n.ClusterCIDRs = append(n.ClusterCIDRs, netip.MustParsePrefix("fd00:10:128::/48"))
	six := state.Services[0]
	six.ClusterIP = netip.MustParseAddr("fd00:10:96::1")
	six.Endpoints = []backends.Endpoint{{Addr: netip.AddrPortFrom(n.EndpointHostCIDRs(backends.IPv6)[0].Addr().Next(), 8080)}}
	state.Services = append(state.Services, six)
	top, err := lab.BuildWith(context.WithoutCancel(t.Context()), state, lab.Extras{Outside: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := top.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range state.Services {
		p := &state.Services[i]
		p.NodePort = 30080
		p.Endpoints = []backends.Endpoint{{Addr: netip.AddrPortFrom(p.Endpoints[0].Addr.Addr(), 9000)}}
		var l net.Listener
		// At every address: those of the host are routes, which no socket of IPv6 binds to.
		network := map[backends.Family]string{backends.IPv4: "tcp4", backends.IPv6: "tcp6"}[p.Family()]
		if err := top.Endpoints[0].Do(func() (err error) {
			l, err = net.Listen(network, ":9000")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // it only ends echo
		go echo(l)
	}
	if err := b.Sync(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	for i := range state.Services {
		bulk(t, top, n, &state.Services[i])
	}
	if err := b.Cleanup(t.Context()); err != nil {
		t.Error(err)
	}
}

// bulk takes every way to a Service.
func bulk(t *testing.T, top *lab.Topology, n *backends.Node, p *backends.ServicePort) {
	t.Helper()
	nodePort := netip.AddrPortFrom(n.Addr(p.Family()), p.NodePort)
	here := func(fn func() error) error { return fn() }
	for _, way := range []struct {
		name string
		from func(func() error) error
		to   netip.AddrPort
	}{
		{"from a pod", top.Client.Do, p.VIP()},
		{"from a pod to a NodePort", top.Client.Do, nodePort},
		{"from outside to a NodePort", top.Outside.Do, nodePort},
		{"from the node", here, p.VIP()},
		{"from the node to its own NodePort", here, nodePort},
	} {
		if err := way.from(func() error { return thereAndBack(way.to) }); err != nil {
			t.Errorf("%s, %s: %v", p.Family(), way.name, err)
		}
	}
}

func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_, _ = io.Copy(c, c) // the client sees what did not come
		}()
	}
}

func thereAndBack(to netip.AddrPort) error {
	d := net.Dialer{Timeout: 10 * time.Second}
	c, err := d.Dial("tcp", to.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	data := bytes.Repeat([]byte("0123456789abcdef-"), 1<<20/17)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(data)
		sent <- err
	}()
	got := make([]byte, len(data))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("%d bytes came back changed", len(data))
	}
	return <-sent
}
