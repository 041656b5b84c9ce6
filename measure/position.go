package measure

import (
	"math/rand/v2"

	"github.com/svcmark/svcmark/backends"
)

// Position is where in the order of Services a probed one stands.
type Position string

// The positions. Random draws a Service anew for every operation.
const (
	First  Position = "first"
	Middle Position = "middle"
	Last   Position = "last"
	Random Position = "random"
)

// at picks n ServicePorts of a protocol and a family at a position; none when
// the state has no such that answers a pod. The draw depends on the seed alone.
func (p Position) at(state *backends.State, proto backends.Protocol, f backends.Family, n int, seed uint64) []*backends.ServicePort {
	var all []*backends.ServicePort
	for i := range state.Services {
		if s := &state.Services[i]; s.Protocol == proto && s.Family() == f && len(used(state, s)) > 0 {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil
	}
	draw := rand.New(rand.NewPCG(seed, 0x706f736974696f6e))
	picked := make([]*backends.ServicePort, n)
	for i := range picked {
		switch p {
		case First:
			picked[i] = all[0]
		case Middle:
			picked[i] = all[len(all)/2]
		case Last:
			picked[i] = all[len(all)-1]
		case Random:
			picked[i] = all[draw.IntN(len(all))]
		}
	}
	return picked
}
