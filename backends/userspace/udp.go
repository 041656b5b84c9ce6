package userspace

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// packetSize is that of the proxy's buffers: of a longer packet the rest is lost.
const packetSize = 4096

// udp are the clients of a UDP ServicePort. Each has a connected socket of its own to
// an endpoint for as long as packets pass, and the idle timeout after.
type udp struct {
	socket  *socket
	network string
	front   *net.UDPConn // where clients send to

	mu      sync.Mutex
	clients map[netip.AddrPort]*udpClient
	replies sync.WaitGroup
}

type udpClient struct {
	back     net.Conn
	endpoint netip.AddrPort
}

func newUDP(s *socket, network string, front *net.UDPConn) *udp {
	return &udp{socket: s, network: network, front: front, clients: map[netip.AddrPort]*udpClient{}}
}

// serve passes clients' packets on until the front is closed.
func (u *udp) serve(ctx context.Context) {
	var packet [packetSize]byte
	for {
		n, from, err := u.front.ReadFromUDPAddrPort(packet[:])
		if errors.Is(err, net.ErrClosed) {
			break
		}
		if err != nil {
			continue // an ICMP error of what was sent before
		}
		u.forward(ctx, from, packet[:n])
	}
	u.leave(func(*udpClient) bool { return true })
	u.replies.Wait()
}

// forward passes one packet on. A connection that has ended meanwhile is opened anew.
func (u *udp) forward(ctx context.Context, from netip.AddrPort, packet []byte) {
	for range 2 {
		c, err := u.client(ctx, from)
		if err != nil {
			return
		}
		u.extend(c)
		if _, err := c.back.Write(packet); !errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// client gives a client's connection, a new one if need be.
func (u *udp) client(ctx context.Context, from netip.AddrPort) (*udpClient, error) {
	u.mu.Lock()
	c := u.clients[from]
	u.mu.Unlock()
	if c != nil {
		return c, nil
	}
	back, endpoint, err := u.socket.connect(ctx, u.network, from.Addr().Unmap())
	if err != nil {
		return nil, err
	}
	c = &udpClient{back, endpoint}
	u.extend(c)
	u.mu.Lock()
	u.clients[from] = c
	u.mu.Unlock()
	u.replies.Go(func() { u.answer(from, c) })
	if !u.socket.balancer.has(endpoint) { // it went while it was dialed
		u.leave(func(other *udpClient) bool { return other == c })
	}
	return c, nil
}

// answer passes an endpoint's packets back until there are none for too long.
func (u *udp) answer(to netip.AddrPort, c *udpClient) {
	var packet [packetSize]byte
	for {
		n, err := c.back.Read(packet[:])
		if err != nil {
			break
		}
		u.extend(c)
		if _, err := u.front.WriteToUDPAddrPort(packet[:n], to); err != nil {
			break
		}
	}
	u.mu.Lock()
	if u.clients[to] == c {
		delete(u.clients, to)
	}
	u.mu.Unlock()
	c.back.Close()
}

// extend begins the idle timeout anew.
func (u *udp) extend(c *udpClient) {
	_ = c.back.SetDeadline(time.Now().Add(u.socket.idle)) // one that is closed needs none
}

// leave ends the connections of which the condition holds. A client that goes on
// sending gets another.
func (u *udp) leave(condition func(*udpClient) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for from, c := range u.clients {
		if condition(c) {
			delete(u.clients, from)
			c.back.Close()
		}
	}
}
