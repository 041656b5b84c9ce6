package tc

import (
	"bytes"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// Packets with any payload are translated there and back, and have right checksums.
func TestChecksums(t *testing.T) {
	for _, s := range sites() {
		for proto, number := range map[backends.Protocol]uint8{backends.TCP: unix.IPPROTO_TCP, backends.UDP: unix.IPPROTO_UDP} {
			b := newBench(t, Random)
			if b == nil {
				return
			}
			b.sync(s.state(proto, s.endpoint))
			pod, outside := netip.AddrPortFrom(s.pod, 40000), netip.AddrPortFrom(s.outside, 40000)
			nodePort := netip.AddrPortFrom(s.node, 30080)
			for _, size := range []int{0, 1, 2, 3, 64, 65, 1400} {
				payload := bytes.Repeat([]byte{0xa5, 0x3c, 0xff}, size/3+1)[:size]
				there := b.comes(packet{number, pod, s.vip, syn, payload, false}.build())
				b.between(there, pod, s.endpoint)
				back := b.comes(packet{number, s.endpoint, pod, syn | ack, payload, false}.build())
				b.between(back, s.vip, pod)
				// Masqueraded, with an address of the node on the other side as well.
				there = b.comes(packet{number, outside, nodePort, syn, payload, false}.build())
				b.between(there, netip.AddrPortFrom(s.node, 0), s.endpoint)
				seen, _ := ends(there)
				if seen.Port() < firstSourcePort || seen.Port() >= firstSourcePort+sourcePorts {
					t.Errorf("a client is masqueraded as port %d", seen.Port())
				}
				back = b.comes(packet{number, s.endpoint, seen, ack, payload, false}.build())
				b.between(back, nodePort, outside)
			}
			if number == unix.IPPROTO_UDP && s.node.Is4() {
				bare := b.comes(packet{number, pod, s.vip, 0, []byte("bare"), true}.build())
				if l4, _ := transport(bare); l4[udpSum] != 0 || l4[udpSum+1] != 0 {
					t.Errorf("a packet without a checksum got one: %x", bare)
				}
			}
		}
	}
}

// An ICMP error about a packet of a flow reaches who sent that, and tells of what it
// had sent.
func TestErrorsAreTranslated(t *testing.T) {
	for _, s := range sites() {
		b := newBench(t, Random)
		if b == nil {
			return
		}
		b.sync(s.state(backends.UDP, s.endpoint))
		for _, from := range []struct{ client, to netip.AddrPort }{
			{netip.AddrPortFrom(s.pod, 40000), s.vip},
			{netip.AddrPortFrom(s.outside, 40000), netip.AddrPortFrom(s.node, 30080)},
		} {
			there := b.comes(packet{unix.IPPROTO_UDP, from.client, from.to, 0, []byte("request"), false}.build())
			for name, reporter := range map[string]netip.Addr{"the endpoint": s.endpoint.Addr(), "a router": s.outside.Next()} {
				said := b.comes(unreachable(reporter, there))
				src, dst := addrs(said)
				want := reporter
				if reporter == s.endpoint.Addr() {
					want = from.to.Addr()
				}
				if src != want || dst != from.client.Addr() {
					t.Errorf("%s's error goes from %s to %s, want %s to %s", name, src, dst, want, from.client)
				}
				l4, _ := transport(said)
				quoted := append(make([]byte, ethernet), l4[icmpHeader:]...)
				b.between(quoted, from.client, from.to)
			}
		}
	}
}

// A client that uses one port for two VIPs with the same endpoint gets each one's
// answers from the right one.
func TestClientsPortsMeet(t *testing.T) {
	for _, s := range sites() {
		b := newBench(t, Random)
		if b == nil {
			return
		}
		b.sync(s.state(backends.TCP, s.endpoint))
		pod := netip.AddrPortFrom(s.pod, 40000)
		first := b.comes(packet{unix.IPPROTO_TCP, pod, s.vip, syn, nil, false}.build())
		b.between(first, pod, s.endpoint)
		second := b.comes(packet{unix.IPPROTO_TCP, pod, s.other, syn, nil, false}.build())
		seen, _ := ends(second)
		if seen == pod || seen.Addr() != s.pod {
			t.Errorf("the second connection is seen as %s", seen)
		}
		b.between(b.comes(packet{unix.IPPROTO_TCP, s.endpoint, pod, syn | ack, nil, false}.build()), s.vip, pod)
		b.between(b.comes(packet{unix.IPPROTO_TCP, s.endpoint, seen, syn | ack, nil, false}.build()), s.other, pod)
		// The same SYN again is the same connection.
		if again, _ := ends(b.comes(packet{unix.IPPROTO_TCP, pod, s.other, syn, nil, false}.build())); again != seen {
			t.Errorf("the second connection is seen as %s and as %s", seen, again)
		}
	}
}

// What nobody serves passes as it is, whatever it looks like.
func TestOthersPass(t *testing.T) {
	b := newBench(t, Random)
	if b == nil {
		return
	}
	s := sites()[0]
	b.sync(s.state(backends.TCP, s.endpoint))
	whole := packet{unix.IPPROTO_TCP, netip.AddrPortFrom(s.pod, 40000), s.vip, syn, nil, false}.build()
	options, fragment, short := bytes.Clone(whole), bytes.Clone(whole), whole[:ethernet+ipv4Header+4]
	options[ethernet], fragment[ethernet+7] = 0x46, 1
	for name, frame := range map[string][]byte{
		"to an endpoint": packet{unix.IPPROTO_TCP, netip.AddrPortFrom(s.pod, 40000), s.endpoint, syn, nil, false}.build(),
		"with options":   options, "a fragment": fragment, "cut": short,
		"another protocol": frame(s.pod, s.vip.Addr(), unix.IPPROTO_SCTP, make([]byte, 32)),
		"an error of nothing": unreachable(s.endpoint.Addr(), packet{
			unix.IPPROTO_UDP, netip.AddrPortFrom(s.pod, 1), s.endpoint, 0, []byte("none"), false,
		}.build()),
	} {
		for hook := range hooks {
			if verdict, is := b.run(hook, frame); verdict != goOn || !bytes.Equal(is, frame) {
				t.Errorf("%s: verdict %d, %x became %x", name, verdict, frame, is)
			}
		}
	}
}

// By Maglev a connection has the same endpoint on every node, and connections have all
// of them.
func TestMaglevAgrees(t *testing.T) {
	for _, s := range sites() {
		var endpoints []netip.AddrPort
		for a := s.endpoint; len(endpoints) < 4; a = netip.AddrPortFrom(a.Addr().Next(), a.Port()) {
			endpoints = append(endpoints, a)
		}
		nodes := [2]*bench{newBench(t, Maglev), newBench(t, Maglev)}
		if nodes[0] == nil {
			return
		}
		for _, b := range nodes {
			b.sync(s.state(backends.TCP, endpoints...))
		}
		const connections = 400
		counts := map[netip.AddrPort]int{}
		for port := range uint16(connections) {
			syn := packet{unix.IPPROTO_TCP, netip.AddrPortFrom(s.pod, 40000+port), s.vip, syn, nil, false}.build()
			_, one := ends(nodes[0].comes(syn))
			_, two := ends(nodes[1].comes(syn))
			if one != two {
				t.Errorf("port %d has %s and %s", port, one, two)
			}
			counts[one]++
		}
		for _, e := range endpoints {
			if n := counts[e]; n < connections/8 || n > connections/2 {
				t.Errorf("%s has %d of %d connections: %v", e, n, connections, counts)
			}
		}
	}
}
