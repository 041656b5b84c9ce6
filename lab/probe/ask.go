package probe

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/svcmark/svcmark/backends"
)

// Ask sends one request to target and returns who answered. A connection that
// is refused, unreachable, or silent for longer than timeout is a unix.Errno
// (ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, …) in the error's chain.
func Ask(proto backends.Protocol, target netip.AddrPort, timeout time.Duration) (Answer, error) {
	return AskFrom(netip.AddrPort{}, proto, target, timeout)
}

// AskFrom is Ask from an address of the host; a zero port is any, and the zero
// AddrPort leaves both to the kernel.
func AskFrom(source netip.AddrPort, proto backends.Protocol, target netip.AddrPort, timeout time.Duration) (Answer, error) {
	a, err := ask(source, proto, target, timeout)
	if err != nil {
		return Answer{}, fmt.Errorf("asking %s over %s: %w", target, proto, err)
	}
	return a, nil
}

func ask(source netip.AddrPort, proto backends.Protocol, target netip.AddrPort, timeout time.Duration) (Answer, error) {
	f, err := openFlow(source, proto, target, timeout)
	if err != nil {
		return Answer{}, err
	}
	defer f.Close()
	return f.ask()
}
