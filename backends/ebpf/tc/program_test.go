package tc

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/table"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// site is addresses of a family.
type site struct {
	node, pod, outside netip.Addr
	vip, other         netip.AddrPort // of Services with the same endpoint
	endpoint           netip.AddrPort
	pods               netip.Prefix
}

func sites() []site {
	at := netip.MustParseAddrPort
	return []site{
		{
			netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("10.128.0.2"), netip.MustParseAddr("198.51.100.1"),
			at("10.96.0.1:80"), at("10.96.0.2:80"), at("10.160.0.1:8080"), netip.MustParsePrefix("10.128.0.0/9"),
		},
		{
			netip.MustParseAddr("fd00:1::1"), netip.MustParseAddr("fd00:10:128::2"), netip.MustParseAddr("3fff::1"),
			at("[fd00:10:96::1]:80"), at("[fd00:10:96::2]:80"), at("[fd00:10:128:4000::1]:8080"), netip.MustParsePrefix("fd00:10:128::/48"),
		},
	}
}

// state has two Services with a NodePort each, over a protocol.
func (s site) state(proto backends.Protocol, endpoints ...netip.AddrPort) *backends.State {
	state := &backends.State{Node: backends.Node{Name: "node-0", Addrs: []netip.Addr{s.node}, ClusterCIDRs: []netip.Prefix{s.pods}}}
	for i, vip := range []netip.AddrPort{s.vip, s.other} {
		p := backends.ServicePort{
			Namespace: "test", Name: fmt.Sprintf("svc-%d", i), Protocol: proto, ClusterIP: vip.Addr(), Port: vip.Port(), NodePort: uint16(30080 + i),
		}
		for _, e := range endpoints {
			p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: e})
		}
		backends.SortEndpoints(p.Endpoints)
		state.Services = append(state.Services, p)
	}
	return state
}

// bench runs a Backend's programs over packets that are given to them, with no link.
type bench struct {
	*testing.T
	*Backend
}

// newBench is nil on a kernel that cannot run the programs; the microVM's can.
func newBench(t *testing.T, c Choice) *bench {
	t.Helper()
	b := New(c)
	if err := b.prepare(); err != nil {
		if os.Getenv(lab.NodeEnv) == "vm" || !errors.Is(b.Probe(t.Context()), backends.ErrNotSupported) {
			t.Fatal(err)
		}
		t.Log(err)
		return nil
	}
	t.Cleanup(b.letGo)
	return &bench{t, b}
}

// sync leads the programs to a state, without a link to attach them to.
func (b *bench) sync(state *backends.State) *table.Tables {
	b.Helper()
	t, err := table.New(b.Context(), b.kind(), state, &b.ids)
	if err == nil {
		err = b.use(t, &state.Node)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.T.Cleanup(t.Close)
	return t
}

// run is what becomes of a frame that comes from a link, or that the node sends, and
// what the gate says of it.
func (b *bench) run(hook int, frame []byte) (int32, []byte) {
	b.Helper()
	out := make([]byte, len(frame)+256)
	o := &ebpf.RunOptions{Data: frame, DataOut: out}
	verdict, err := b.gates[hook].Run(o)
	if err != nil {
		b.Fatal(err)
	}
	return int32(verdict), o.DataOut
}

// comes is a frame as it goes on after it has come from a link.
func (b *bench) comes(frame []byte) []byte {
	b.Helper()
	_, was := b.run(in, frame)
	if len(was) != len(frame) {
		b.Fatalf("%d bytes became %d", len(frame), len(was))
	}
	rightSums(b.T, was)
	return was
}

// between checks where a frame comes from and goes to; an address without a port may
// have any but 0.
func (b *bench) between(frame []byte, src, dst netip.AddrPort) {
	b.Helper()
	a, z := ends(frame)
	alike := func(is, want netip.AddrPort) bool {
		return is == want || want.Port() == 0 && is.Addr() == want.Addr() && is.Port() != 0
	}
	if !alike(a, src) || !alike(z, dst) {
		b.Errorf("%s to %s, want %s to %s", a, z, src, dst)
	}
}

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

// No new connection goes to an endpoint that is gone, though its client and port have been
// there before; what is open stays, and a flow of UDP moves.
func TestFlowsAndStates(t *testing.T) {
	for _, s := range sites() {
		b := newBench(t, Random)
		if b == nil {
			return
		}
		pod, another := netip.AddrPortFrom(s.pod, 40000), netip.AddrPortFrom(s.endpoint.Addr().Next(), 8080)
		both := s.state(backends.TCP, s.endpoint)
		both.Services = append(both.Services, s.state(backends.UDP, s.endpoint).Services...)
		b.sync(both)
		b.between(b.comes(packet{unix.IPPROTO_TCP, pod, s.vip, syn, nil, false}.build()), pod, s.endpoint)
		b.between(b.comes(packet{unix.IPPROTO_UDP, pod, s.vip, 0, nil, false}.build()), pod, s.endpoint)
		for i := range both.Services {
			both.Services[i].Endpoints = []backends.Endpoint{{Addr: another}}
		}
		b.sync(both)
		b.between(b.comes(packet{unix.IPPROTO_TCP, pod, s.vip, ack, nil, false}.build()), pod, s.endpoint)
		b.between(b.comes(packet{unix.IPPROTO_UDP, pod, s.vip, 0, nil, false}.build()), pod, another)
		b.between(b.comes(packet{unix.IPPROTO_TCP, pod, s.vip, syn, nil, false}.build()), pod, another)
		// With one more beside it the flow of UDP stays.
		for i := range both.Services {
			both.Services[i].Endpoints = []backends.Endpoint{{Addr: s.endpoint}, {Addr: another}}
			backends.SortEndpoints(both.Services[i].Endpoints)
		}
		b.sync(both)
		for range 20 {
			b.between(b.comes(packet{unix.IPPROTO_UDP, pod, s.vip, 0, nil, false}.build()), pod, another)
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

// While states are exchanged, and changes are applied, every packet is given to an endpoint
// that its own Service has in one of them, and none passes as it is.
func TestStatesAreWhole(t *testing.T) {
	b := newBench(t, Random)
	if b == nil {
		return
	}
	s := sites()[0]
	at := func(n byte) []backends.Endpoint {
		return []backends.Endpoint{{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 160, 0, n}), 8080)}}
	}
	var states [2]*backends.State
	for i := range states {
		states[i] = s.state(backends.TCP, s.endpoint)
		states[i].Services[0].Endpoints = at(byte(10 + i))
		states[i].Services[1].Endpoints = at(byte(20 + i))
	}
	b.sync(states[0])
	stop, result := make(chan struct{}), make(chan error, 1)
	go func() {
		for port := uint16(1024); ; port++ {
			select {
			case <-stop:
				result <- nil
				return
			default:
			}
			for i, to := range []netip.AddrPort{s.vip, s.other} {
				frame := packet{unix.IPPROTO_TCP, netip.AddrPortFrom(s.pod, port), to, syn, nil, false}.build()
				out := make([]byte, len(frame)+256)
				o := &ebpf.RunOptions{Data: frame, DataOut: out}
				if _, err := b.gates[in].Run(o); err != nil {
					result <- err
					return
				}
				_, is := ends(o.DataOut)
				if is != states[0].Services[i].Endpoints[0].Addr && is != states[1].Services[i].Endpoints[0].Addr {
					result <- fmt.Errorf("a packet to %s went to %s", to, is)
					return
				}
			}
		}
	}()
	for i := range 20 {
		tables := b.sync(states[i%2])
		for j := range 2 * mostAtOnce {
			d := backends.Diff(states[(i+j)%2], states[(i+j+1)%2])
			if err := tables.Apply(t.Context(), d, &b.ids); err != nil {
				t.Fatal(err)
			}
		}
		verdict, frame := b.run(in, packet{unix.IPPROTO_TCP, netip.AddrPortFrom(s.pod, uint16(100+i)), s.vip, syn, nil, false}.build())
		if _, is := ends(frame); is != states[i%2].Services[0].Endpoints[0].Addr {
			t.Errorf("after a change a packet went to %s, verdict %d", is, verdict)
		}
	}
	close(stop)
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// mostAtOnce makes changes wait for programs that may look at what they give back.
const mostAtOnce = 70
