package backendtest

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/probe"
)

// A UDP flow whose endpoint goes is led to another one: its packets keep
// coming from one source port, and the kernel remembers where they went.
func (s *suite) udpFlow(t *testing.T) {
	const vip = "10.96.0.10:53"
	endpoints := []string{"10.160.0.10:5353", "10.192.0.10:5353"}
	b := s.synced(t, state(service("dns", "dns", backends.UDP, vip, endpoints...)))

	var conn *net.UDPConn
	err := s.client()(func() (err error) {
		conn, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(vip)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	first, err := askFlow(conn, endpoints)
	if err != nil {
		t.Fatal(err)
	}
	left := endpoints[0]
	if first == left {
		left = endpoints[1]
	}
	sync(t, b, state(service("dns", "dns", backends.UDP, vip, left)))
	second, err := askFlow(conn, endpoints)
	if err != nil {
		t.Fatal(err)
	}
	if second != left {
		t.Errorf("the flow is still answered by %s, which is gone; want %s", second, left)
	}
}

// askFlow sends one request and says which endpoint answers it.
func askFlow(conn *net.UDPConn, endpoints []string) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	var request, reply [probe.MessageSize]byte
	if _, err := conn.Write(request[:]); err != nil {
		return "", err
	}
	if _, err := conn.Read(reply[:]); err != nil {
		return "", err
	}
	client := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	for _, e := range endpoints {
		var want [probe.MessageSize]byte
		probe.Answer{Endpoint: netip.MustParseAddrPort(e), Client: client}.Encode(&want)
		if reply == want {
			return e, nil
		}
	}
	return "", fmt.Errorf("the reply %x is from none of %v, or to another client than %s", reply, endpoints, client)
}
