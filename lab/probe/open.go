package probe

import (
	"fmt"

	"github.com/svcmark/svcmark/backends"
)

// Opened is a new flow, or the reason why there is none.
type Opened struct {
	Flow *Flow // nil with Err; whoever opened it closes it
	Cost int64
	Err  error
}

// Open times one new flow to each target, in order, as FirstPacket does, and leaves them
// open.
func (t Timer) Open(targets []Target) ([]Opened, error) {
	all := make([]Opened, 0, len(targets))
	addrs, err := addresses(targets)
	if err != nil {
		return nil, err
	}
	err = undisturbed(func() error {
		for i, target := range targets {
			s, err := open(target.Protocol, target.Addr.Addr(), t.Timeout)
			if err != nil {
				return err
			}
			t.rest()
			cost, err := t.firstPacket(s, target.Protocol, addrs[i])
			if err != nil {
				s.close()
				all = append(all, Opened{Err: err})
				continue
			}
			all = append(all, Opened{Flow: newFlow(s, target), Cost: cost})
		}
		return nil
	})
	return all, err
}

func newFlow(s socket, t Target) *Flow {
	return &Flow{s, fmt.Sprintf("%s over %s", t.Addr, t.Protocol), t.Protocol != backends.UDP}
}
