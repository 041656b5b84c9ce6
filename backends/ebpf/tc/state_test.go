package tc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

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
	full := func(context.Context, *backends.State) error { return errors.New("a change does not fit") }
	for i := range 20 {
		tables := b.sync(states[i%2])
		for j := range 2 * mostAtOnce {
			d := backends.Diff(states[(i+j)%2], states[(i+j+1)%2])
			if err := tables.Apply(t.Context(), d, &b.ids, full); err != nil {
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
