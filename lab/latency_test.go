package lab_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
)

// timer has a clock that advances by one at each reading, so that the cost of
// an operation is the number of readings that it took.
func timer() probe.Timer {
	var now int64
	return probe.Timer{Now: func() int64 { now++; return now }, Timeout: time.Second}
}

func TestTimedOperationsAnswerAndCountLosses(t *testing.T) {
	state := testState()
	top, err := lab.Build(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	defer closeTopology(t, top)
	tcp := probe.Target{Protocol: backends.TCP, Addr: state.Services[0].Endpoints[0].Addr}
	udp := probe.Target{Protocol: backends.UDP, Addr: state.Services[1].Endpoints[0].Addr}
	// No socket listens there: connections are refused, requests get no answer.
	deadTCP := probe.Target{Protocol: backends.TCP, Addr: netip.AddrPortFrom(tcp.Addr.Addr(), 1)}
	deadUDP := probe.Target{Protocol: backends.UDP, Addr: netip.AddrPortFrom(udp.Addr.Addr(), 1)}

	err = top.Client.Do(func() error {
		l, err := timer().FirstPacket([]probe.Target{tcp, udp, deadTCP, tcp, deadUDP})
		if err != nil {
			return err
		}
		if len(l.Costs) != 3 || l.Lost != 2 || !errors.Is(l.Err, unix.ECONNREFUSED) {
			t.Errorf("first packets: %d costs, %d lost, %v; want 3, 2, connection refused", len(l.Costs), l.Lost, l.Err)
		}
		for _, c := range l.Costs {
			if c != 1 {
				t.Errorf("an operation read the clock %d times in between, want none", c-1)
			}
		}
		for _, target := range []probe.Target{tcp, udp} {
			l, err := timer().RoundTrip(target, 50)
			if err != nil {
				return err
			}
			if len(l.Costs) != 50 || l.Lost != 0 {
				t.Errorf("round trips over %s: %d costs, %d lost; want 50, 0", target.Protocol, len(l.Costs), l.Lost)
			}
		}
		if _, err := timer().RoundTrip(deadTCP, 1); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("round trip to nobody: %v, want connection refused", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A client that drops off without a word must not hurt the next one.
func TestServerOutlivesBadClients(t *testing.T) {
	state := testState()
	top, err := lab.Build(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	defer closeTopology(t, top)
	target := state.Services[0].Endpoints[0].Addr
	err = top.Client.Do(func() error {
		for _, send := range []int{0, 1, probe.MessageSize - 1, 3*probe.MessageSize + 1} {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: target.Addr().As4(), Port: int(target.Port())}); err != nil {
				return err
			}
			if _, err := unix.Write(fd, make([]byte, send)); err != nil {
				return err
			}
			if err := unix.Close(fd); err != nil {
				return err
			}
		}
		_, err := probe.Ask(backends.TCP, target, 2*time.Second)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
