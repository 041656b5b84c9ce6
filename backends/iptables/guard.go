package iptables

import (
	"fmt"

	"github.com/svcmark/svcmark/backends"
)

// check refuses a state that cannot be programmed.
func check(state *backends.State) error {
	if err := state.Check(); err != nil {
		return err
	}
	for i := range state.Services {
		if p := &state.Services[i]; p.Family() != backends.IPv4 || p.Protocol == backends.SCTP {
			return fmt.Errorf("the ServicePort %d (%q): only IPv4 over TCP and UDP is programmed yet", i, p.String())
		}
	}
	return nil
}
